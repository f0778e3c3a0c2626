import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import {
  type Activation,
  type ActivationDtype,
  copyRows,
  newActivation,
  rowsOf,
} from "../../../common/tensor.js";
import { graphOutputs } from "../../../model/graph/stage-graph-io.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import { checkInput } from "../check-input.js";
import { SequenceLedger } from "../sequence-ledger.js";
import type {
  RaggedBatch,
  RunnerOptions,
  SampledToken,
  StageInput,
  StageOutput,
  StageRunner,
} from "../stage-runner.js";
import { isPlainGreedy } from "./greedy.js";
import { hiddenOutputs, hiddenResult } from "./hidden-tensors.js";
import { kvBlockCount } from "./kv-block-count.js";
import { KvRows } from "./kv-rows.js";
import { openSession } from "./open-session.js";
import { RotaryRows } from "./rotary-rows.js";
import { type FeedContext, runFeeds } from "./run-feeds.js";
import { planRuns, type RunSlice, runTokens, type StageRun } from "./stage-run.js";
import { stageWeightBytes } from "./weight-bytes.js";

/**
 * A runner on the CPU: ONNX Runtime for the graph, rows of KV in JavaScript's memory. `sampler` is used at
 * the last stage only.
 * @throws StagecoachError RESOURCE_EXHAUSTED when memory does not hold the weights and one KV block,
 * DATA_LOSS when the graph cannot be opened.
 */
export async function createCpuRunner(options: RunnerOptions, sampler: Sampler): Promise<StageRunner> {
  const { config } = options.manifest;
  const weightBytes = stageWeightBytes(options);
  const blockCount = kvBlockCount(options, weightBytes);
  const ledger = new SequenceLedger({ ...options, blockCount });
  const kv = new KvRows({
    layers: options.endLayer - options.firstLayer,
    kvHeads: config.kvHeadCount,
    headSize: config.headSize,
  });
  const session = await openSession(options);
  const feedContext: FeedContext = {
    ...options,
    hiddenSize: config.hiddenSize,
    rotary: new RotaryRows(config),
  };

  const { activationDtype = "FLOAT32" } = options;
  const inputShape = { ...config, embedding: options.embedding, activationDtype };

  async function forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    checkInput(batch, input, inputShape);
    ledger.advance(batch);
    const results: RunResult[] = [];
    for (const run of planRuns(batch, kv, promptLength)) results.push(await compute(run, input));
    if (!options.head) return { kind: "hidden", ...packHidden(results, activationDtype, config.hiddenSize) };
    const tokens = results.flatMap((result) => sampleRun(result));
    return { kind: "tokens", tokens: inBatchOrder(batch, tokens) };
  }

  function promptLength(sequenceId: number): number {
    return ledger.opening(sequenceId)?.promptLength ?? 0;
  }

  async function compute(run: StageRun, input: StageInput): Promise<RunResult> {
    const outputs = await runSession(session, runFeeds(feedContext, run, input), wantedOutputs(run), run);
    const newKv = outputs[graphOutputs.newKv];
    if (newKv) appendKv(run, newKv.data as Float32Array);
    return { run, outputs };
  }

  function wantedOutputs(run: StageRun): string[] {
    const kvOutputs = options.endLayer > options.firstLayer ? [graphOutputs.newKv] : [];
    if (!options.head) return [...hiddenOutputs(activationDtype), ...kvOutputs];
    if (!plainGreedy(run)) return [graphOutputs.logits, ...kvOutputs];
    return [graphOutputs.best, graphOutputs.bestLogits, ...kvOutputs];
  }

  function plainGreedy({ slices }: StageRun): boolean {
    return slices.every(({ sequenceId, sample }) => {
      const opening = ledger.opening(sequenceId);
      return !sample || (opening !== undefined && isPlainGreedy(opening.sampling));
    });
  }

  function sampleRun({ run, outputs }: RunResult): SampledToken[] {
    const sampled = run.slices.filter(({ sample }) => sample);
    const best = outputs[graphOutputs.best];
    if (best) return mostLikely(sampled, best, outputs[graphOutputs.bestLogits] as Tensor);
    const logits = outputs[graphOutputs.logits]?.data as Float32Array;
    const width = config.vocabularySize;
    return sampled.map(({ sequenceId, context, length }, row) =>
      sampler.sample(sequenceId, logits.subarray(row * width, (row + 1) * width), context + length),
    );
  }

  return {
    blockCount,
    weightBytes,
    open(sequences) {
      if (options.head) sampler.open(sequences);
      ledger.open(sequences);
    },
    forward,
    closeSequences(sequenceIds) {
      ledger.close(sequenceIds);
      kv.close(sequenceIds);
      if (options.head) sampler.close(sequenceIds);
    },
    usage: () => ledger.usage(),
    close: () => session.release(),
  };
}

interface RunResult {
  readonly run: StageRun;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

async function runSession(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  wanted: string[],
  { slices }: StageRun,
): Promise<Record<string, Tensor>> {
  try {
    return (await session.run(feeds, wanted)) as Record<string, Tensor>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const ids = slices.map(({ sequenceId }) => sequenceId).join(", ");
    throw new StagecoachError("INTERNAL", `cannot compute sequences ${ids}: ${reason}`, { cause: error });
  }
}

function appendKv({ arena, decode, slices }: StageRun, newKv: Float32Array): void {
  if (!decode) {
    arena.append(0, newKv);
    return;
  }
  const size = newKv.length / slices.length;
  for (const row of slices.keys()) arena.append(row, newKv.subarray(row * size, (row + 1) * size));
}

function mostLikely(slices: readonly RunSlice[], best: Tensor, logits: Tensor): SampledToken[] {
  return slices.map(({ sequenceId }, row) => {
    if (!Number.isFinite(logits.data[row] as number)) {
      throw new StagecoachError("INTERNAL", `sequence ${sequenceId} came to logits that are not finite`);
    }
    return { sequenceId, tokenId: Number(best.data[row]) };
  });
}

/** Hidden states of all runs in the order of the batch; those of a run that has it already are not copied. */
function packHidden(results: readonly RunResult[], dtype: ActivationDtype, width: number): Activation {
  const [only] = results;
  if (only !== undefined && results.length === 1 && inOrder(only.run))
    return hiddenResult(only.outputs, dtype);
  const tokens = results.reduce((sum, { run }) => sum + runTokens(run), 0);
  const packed = newActivation(dtype, tokens, width);
  for (const { run, outputs } of results) {
    const hidden = hiddenResult(outputs, dtype);
    let from = 0;
    for (const { firstToken, length } of run.slices) {
      copyRows(rowsOf(hidden, from, length, width), packed, firstToken, width);
      from += length;
    }
  }
  return packed;
}

function inOrder({ slices }: StageRun): boolean {
  let next = 0;
  return slices.every(({ firstToken, length }) => {
    const follows = firstToken === next;
    next += length;
    return follows;
  });
}

function inBatchOrder(batch: RaggedBatch, tokens: readonly SampledToken[]): SampledToken[] {
  const bySequence = new Map(tokens.map((token) => [token.sequenceId, token]));
  return batch.sequenceIds.flatMap((sequenceId) => bySequence.get(sequenceId) ?? []);
}

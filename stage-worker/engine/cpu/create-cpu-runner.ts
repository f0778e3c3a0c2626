import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import {
  type Activation,
  type ActivationDtype,
  copyRows,
  newActivation,
  rowsOf,
} from "../../../common/tensor.js";
import { kvForm } from "../../../model/graph/kv-form.js";
import { graphOutputs } from "../../../model/graph/stage-graph-io.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import { checkInput } from "../check-input.js";
import { hiddenOutputs, hiddenResult } from "../ort/hidden-tensors.js";
import { bestOnly, isPlainGreedy, type SureNeeds, wholeLogits } from "../ort/row-needs.js";
import { logitRows, type SampledRow, sampleOutputs } from "../ort/sample-rows.js";
import { cpuWeightBytes } from "../ort/weight-bytes.js";
import { SequenceLedger } from "../sequence-ledger.js";
import type {
  RaggedBatch,
  RunnerOptions,
  SampledToken,
  StageInput,
  StageOutput,
  StageRunner,
} from "../stage-runner.js";
import { cpuTransfer } from "./cpu-transfer.js";
import type { FeedContext } from "./feed-context.js";
import { KeptBlocks } from "./kept-blocks.js";
import { kvBlockCount } from "./kv-block-count.js";
import { KvRows } from "./kv-rows.js";
import { openSession } from "./open-session.js";
import { RotaryTensors } from "./rotary-tensors.js";
import { runFeeds } from "./run-feeds.js";
import { planRuns, type RunSlice, runTokens, type StageRun } from "./stage-run.js";

/**
 * A runner on the CPU: ONNX Runtime for the graph, rows of KV in JavaScript's memory. `sampler` is used at
 * the last stage only.
 * @throws StagecoachError RESOURCE_EXHAUSTED when memory does not hold the weights and one KV block,
 * DATA_LOSS when the graph cannot be opened.
 */
export async function createCpuRunner(options: RunnerOptions, sampler: Sampler): Promise<StageRunner> {
  const { config } = options.manifest;
  const weightBytes = cpuWeightBytes(options);
  const blockCount = kvBlockCount(options, weightBytes);
  const ledger = new SequenceLedger({ ...options, blockCount });
  const kvShape = {
    layers: options.endLayer - options.firstLayer,
    kvHeads: config.kvHeadCount,
    headSize: config.headSize,
    form: kvForm(options.manifest),
  };
  const kv = new KvRows(kvShape);
  const keptBlocks = new KeptBlocks(options.blockSize, kv, ledger);
  const session = await openSession(options);
  const feedContext: FeedContext = {
    ...options,
    config,
    rotary: new RotaryTensors(config),
  };

  const hasLayers = options.endLayer > options.firstLayer;
  const int8 = kvForm(options.manifest) === "int8";
  const { activationDtype = "FLOAT32" } = options;
  const inputShape = { ...config, embedding: options.embedding, activationDtype };

  async function forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    checkInput(batch, input, inputShape);
    ledger.advance(batch);
    for (const blocks of batch.newBlocks) keptBlocks.drop(blocks);
    try {
      return await computeAll(batch, input);
    } catch (reason) {
      ledger.spoil(batch);
      throw reason;
    }
  }

  async function computeAll(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    const results: RunResult[] = [];
    for (const run of planRuns(batch, kv, promptLength)) results.push(await compute(run, input));
    if (!options.head) return { kind: "hidden", ...packHidden(results, activationDtype, config.hiddenSize) };
    const tokens = results.flatMap(({ run, outputs }) => sampleOutputs(outputs, sampledRows(run), sampler));
    return { kind: "tokens", tokens: inBatchOrder(batch, tokens) };
  }

  function promptLength(sequenceId: number): number {
    return ledger.opening(sequenceId)?.promptLength ?? 0;
  }

  async function compute(run: StageRun, input: StageInput): Promise<RunResult> {
    const wanted = logitRows(sampledRows(run));
    const feeds = runFeeds(feedContext, run, input, wanted);
    const outputs = await runSession(session, feeds, wantedOutputs(wanted.length > 0), run);
    appendKv(run, outputs);
    return { run, outputs };
  }

  function wantedOutputs(logits: boolean): string[] {
    const wanted: string[] = [];
    if (hasLayers)
      wanted.push(...(int8 ? [graphOutputs.newKv, graphOutputs.newKvPeaks] : [graphOutputs.newKv]));
    if (!options.head) return [...wanted, ...hiddenOutputs(activationDtype)];
    wanted.push(graphOutputs.best, graphOutputs.bestLogits);
    return logits ? [...wanted, graphOutputs.logits] : wanted;
  }

  function isGreedy({ sequenceId }: RunSlice): boolean {
    const opening = ledger.opening(sequenceId);
    return opening !== undefined && isPlainGreedy(opening.sampling);
  }

  function sampledRows({ slices }: StageRun): SampledRow<SureNeeds>[] {
    return slices
      .filter(({ sample }) => sample)
      .map((slice) => {
        const { sequenceId, context, length } = slice;
        return { sequenceId, position: context + length, needs: isGreedy(slice) ? bestOnly : wholeLogits };
      });
  }

  return {
    blockCount,
    weightBytes,
    beginsInsideBlocks: true,
    open(sequences) {
      ledger.open(sequences);
      for (const opening of sequences) keptBlocks.load(opening);
      if (options.head) sampler.open(sequences);
    },
    forward,
    closeSequences(closings) {
      for (const closing of closings) keptBlocks.keep(closing);
      ledger.close(closings);
      const sequenceIds = closings.map(({ sequenceId }) => sequenceId);
      kv.close(sequenceIds);
      if (options.head) sampler.close(sequenceIds);
    },
    usage: () => ledger.usage(),
    ...(options.kvTransfer === true &&
      hasLayers &&
      cpuTransfer(ledger, keptBlocks, kvShape, options.blockSize)),
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

function appendKv({ steps, chunks, slices }: StageRun, outputs: Readonly<Record<string, Tensor>>): void {
  const values = outputs[graphOutputs.newKv]?.data as Float32Array | Int8Array | undefined;
  if (values === undefined) return;
  const peaks = outputs[graphOutputs.newKvPeaks]?.data as Float32Array | undefined;
  const tokens = runTokens({ slices });
  const [size, peakSize] = [values.length / tokens, (peaks?.length ?? 0) / tokens];
  let from = 0;
  for (const group of [steps, chunks]) {
    for (const [row, { length }] of group?.slices.entries() ?? []) {
      const end = from + length;
      group?.arena.append(row, length, {
        values: values.subarray(from * size, end * size),
        peaks: peaks?.subarray(from * peakSize, end * peakSize),
      });
      from = end;
    }
  }
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

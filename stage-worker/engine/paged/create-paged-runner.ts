import type { Tensor } from "onnxruntime-node";
import { graphOutputs, topCount } from "../../../model/graph/stage-graph-io.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import type { Work } from "../broken-sequences.js";
import { checkInput } from "../check-input.js";
import { computeSpoiling } from "../compute-in-parts.js";
import { deviceFailureOf } from "../device-failure.js";
import { drawsFromBest, isPlainGreedy } from "../ort/greedy.js";
import { hiddenOutputs, hiddenResult } from "../ort/hidden-tensors.js";
import { type RowNeeds, rowsThatNeed, type SampledRow, sampleOutputs } from "../ort/sample-rows.js";
import { SequenceLedger } from "../sequence-ledger.js";
import type {
  RaggedBatch,
  RunnerOptions,
  SamplingParameters,
  StageInput,
  StageOutput,
  StageRunner,
} from "../stage-runner.js";
import { checkAttention } from "./check-attention.js";
import { DeviceRuns } from "./device-runs.js";
import { anyInput, largestBatches } from "./dry-run.js";
import { makesTwo, oneAndOneGraph } from "./one-and-one.js";
import { openInRoom } from "./open-in-room.js";
import { type OpenStage, openStage } from "./open-stage.js";
import { pagedFeeds, type WantedRows } from "./paged-feeds.js";
import type { Provider } from "./provider.js";
import { stageNeeds } from "./stage-needs.js";

/** Context that is tried where nothing can be measured by it, only whether it works: software would take minutes. */
const triedContext = 256;

/**
 * A runner on a GPU: KV in blocks, as the coordinator knows them, which never leave the device; a micro-batch is one
 * run. `sampler` is used at the last stage only.
 * @throws StagecoachError RESOURCE_EXHAUSTED when memory does not hold the weights, what computing takes and one KV
 * block, FAILED_PRECONDITION for what the provider's attention does not take, DATA_LOSS when the graph cannot be opened.
 */
export async function createPagedRunner(
  options: RunnerOptions,
  provider: Provider,
  sampler: Sampler,
): Promise<StageRunner> {
  const { config } = options.manifest;
  const { activationDtype = "FLOAT32", blockSize } = options;
  checkAttention(options, provider);
  const feedShape = {
    blockSize,
    hiddenSize: config.hiddenSize,
    hasLayers: options.endLayer > options.firstLayer,
    head: options.head,
  };
  const { weightBytes } = stageNeeds(options);
  const { opened, blockCount, memoryUse } = await openInRoom(options, {
    device: provider.name,
    memory: provider.memory,
    open: (count) => openStage(options, provider, count),
    tryOut,
    close: (stage) => stage.close(),
  });
  const { session, caches, copies } = opened;
  const runs = new DeviceRuns(session, {
    device: provider.name,
    alive: () => computes(provider, options.blobsFolder),
  });
  const ledger = new SequenceLedger({ ...options, blockCount });
  const feedContext = { ...feedShape, blocks: (sequenceId: number) => ledger.blocks(sequenceId) };
  const inputShape = { ...config, embedding: options.embedding, activationDtype };

  /** Computes the largest micro-batches, whose sequences share the blocks that there are: what they hold is nobody's. */
  async function tryOut(stage: OpenStage, count: number): Promise<void> {
    const longest = Math.min(options.maxContext, provider.memory ? Number.POSITIVE_INFINITY : triedContext);
    const table = Array.from({ length: Math.ceil(longest / blockSize) }, (_, index) => index % count);
    for (const batch of largestBatches(options, longest)) {
      const rows = options.head ? [...batch.sequenceIds.keys()] : [];
      const wanted = { logitRows: rows, topRows: rows };
      const feeds = pagedFeeds(
        { ...feedShape, blocks: () => table },
        batch,
        anyInput(options, batch),
        wanted,
      );
      const copyFeeds = await stage.copies.bring(batch);
      await stage.session.run({ ...feeds, ...copyFeeds, ...stage.caches.feeds }, wantedOutputs(wanted));
    }
  }

  async function forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    checkInput(batch, input, inputShape);
    ledger.advance(batch);
    let copyFeeds: Record<string, Tensor> | undefined;
    return await computeSpoiling(ledger, { batch, input }, async (part) => {
      copyFeeds ??= await copies.bring(batch);
      const output = await compute(part, copyFeeds);
      // Once only: again, they would undo what this part wrote.
      copyFeeds = await copies.bring(part.batch);
      return output;
    });
  }

  async function compute({ batch, input }: Work, copyFeeds: Record<string, Tensor>): Promise<StageOutput> {
    const rows = options.head ? sampledRows(batch) : [];
    const wanted = { logitRows: rowsThatNeed("logits", rows), topRows: rowsThatNeed("top", rows) };
    const feeds = { ...pagedFeeds(feedContext, batch, input, wanted), ...copyFeeds, ...caches.feeds };
    const outputs = await runs.run(feeds, wantedOutputs(wanted), batch);
    if (!options.head) return { kind: "hidden", ...hiddenResult(outputs, activationDtype) };
    return { kind: "tokens", tokens: sampleOutputs(outputs, rows, sampler) };
  }

  function wantedOutputs({ logitRows, topRows }: WantedRows): string[] {
    if (!options.head) return hiddenOutputs(activationDtype);
    return [
      ...[graphOutputs.best, graphOutputs.bestLogits],
      ...(logitRows.length > 0 ? [graphOutputs.logits] : []),
      ...(topRows.length > 0 ? [graphOutputs.topTokens, graphOutputs.topLogits] : []),
    ];
  }

  function sampledRows({ sequenceIds, contextLengths, lengths, sample }: RaggedBatch): SampledRow[] {
    return sequenceIds.flatMap((sequenceId, index) => {
      if (sample[index] !== true) return [];
      const sampling = ledger.opening(sequenceId)?.sampling;
      const position = (contextLengths[index] as number) + (lengths[index] as number);
      return [{ sequenceId, position, needs: sampling === undefined ? "logits" : needsOf(sampling) }];
    });
  }

  return {
    blockCount,
    weightBytes,
    memoryUse,
    open(sequences) {
      ledger.open(sequences);
      copies.expect(sequences);
      if (options.head) sampler.open(sequences);
    },
    forward,
    closeSequences(closings) {
      ledger.close(closings);
      const sequenceIds = closings.map(({ sequenceId }) => sequenceId);
      copies.forget(sequenceIds);
      if (options.head) sampler.close(sequenceIds);
    },
    usage: () => ledger.usage(),
    close: () => opened.close(),
  };
}

function needsOf(sampling: SamplingParameters): RowNeeds {
  if (isPlainGreedy(sampling)) return "best";
  return drawsFromBest(sampling, topCount) ? "top" : "logits";
}

/** Whether a provider's device computes anything at all: one that is lost fails whatever it is asked. */
async function computes(provider: Provider, folder: string): Promise<boolean> {
  try {
    return await makesTwo(await provider.open(await writeStageGraph(folder, oneAndOneGraph())));
  } catch (reason) {
    // Why does not matter, unless it is only full: the failure that made somebody ask is told.
    return deviceFailureOf(reason) === "memory";
  }
}

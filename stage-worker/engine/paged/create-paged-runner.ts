import { graphOutputs } from "../../../model/graph/stage-graph-io.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import { checkInput } from "../check-input.js";
import { computeSpoiling } from "../compute-in-parts.js";
import { deviceFailureOf } from "../device-failure.js";
import { hiddenOutputs, hiddenResult } from "../ort/hidden-tensors.js";
import { partOutputs } from "../ort/row-parts.js";
import { logitRows, type SampledRow } from "../ort/sample-rows.js";
import { SequenceLedger } from "../sequence-ledger.js";
import type { RaggedBatch, RunnerOptions, StageInput, StageOutput, StageRunner } from "../stage-runner.js";
import type { Work } from "../without-sequences.js";
import { checkAttention } from "./check-attention.js";
import { DeviceRuns } from "./device-runs.js";
import { anyInput, largestBatches, neediestRows } from "./dry-run.js";
import { makesTwo, oneAndOneGraph } from "./one-and-one.js";
import { openInRoom } from "./open-in-room.js";
import { feedShapeOf, type OpenStage, openStage } from "./open-stage.js";
import { pagedFeeds } from "./paged-feeds.js";
import { pagedTransfer } from "./paged-transfer.js";
import type { Provider } from "./provider.js";
import { BatchSampler } from "./sample-batch.js";
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
  const feedShape = feedShapeOf(options, provider);
  const { weightBytes } = stageNeeds(options);
  const { opened, blockCount, memoryUse } = await openInRoom(options, {
    device: provider.name,
    memory: provider.memory,
    open: (count) => openStage(options, provider, count),
    tryOut,
    close: (stage) => stage.close(),
  });
  const { session, caches, shape, mover } = opened;
  const runs = new DeviceRuns(session, {
    device: provider.name,
    alive: () => computes(provider, options.blobsFolder),
  });
  // Attention writes only where a sequence's own tokens go. To copy a block took an `If` in every run.
  const beginsInsideBlocks = !feedShape.hasLayers;
  const ledger = new SequenceLedger({ ...options, blockCount, beginsInsideBlocks });
  const feedContext = { ...feedShape, blocks: (sequenceId: number) => ledger.blocks(sequenceId) };
  const batchSampler = new BatchSampler(sampler, (sequenceId) => ledger.opening(sequenceId));
  const inputShape = { ...config, embedding: options.embedding, activationDtype };

  /** Computes the largest micro-batches, whose sequences share the blocks that there are: what they hold is nobody's. */
  async function tryOut(stage: OpenStage, count: number): Promise<void> {
    const longest = Math.min(options.maxContext, provider.memory ? Number.POSITIVE_INFINITY : triedContext);
    const table = Array.from({ length: Math.ceil(longest / blockSize) }, (_, index) => index % count);
    const { session: tried, caches: held, mover: moving } = stage;
    for (const batch of largestBatches(options, longest)) {
      for (const rows of options.head ? neediestRows(batch) : [[]]) {
        const context = { ...feedShape, blocks: () => table };
        const feeds = pagedFeeds(context, batch, anyInput(options, batch), rows);
        await tried.run({ ...feeds, ...held.feeds, ...moving?.idleFeeds }, wantedOutputs(rows));
      }
    }
  }

  async function forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    checkInput(batch, input, inputShape);
    ledger.advance(batch);
    return await computeSpoiling(ledger, { batch, input }, compute);
  }

  async function compute(whole: Work): Promise<StageOutput> {
    const runFor = async ({ batch, input }: Work, rows: readonly SampledRow[]) => {
      const feeds = { ...pagedFeeds(feedContext, batch, input, rows), ...caches.feeds, ...mover?.idleFeeds };
      return await runs.run(feeds, wantedOutputs(rows), batch);
    };
    if (options.head) return { kind: "tokens", tokens: await batchSampler.sample(whole, runFor) };
    return { kind: "hidden", ...hiddenResult(await runFor(whole, []), activationDtype) };
  }

  function wantedOutputs(rows: readonly SampledRow[]): string[] {
    if (!options.head) return hiddenOutputs(activationDtype);
    return [
      ...[graphOutputs.best, graphOutputs.bestLogits],
      ...(logitRows(rows).length > 0 ? [graphOutputs.logits] : []),
      ...partOutputs(rows),
    ];
  }

  return {
    blockCount,
    weightBytes,
    beginsInsideBlocks,
    memoryUse,
    open(sequences) {
      ledger.open(sequences);
      if (options.head) sampler.open(sequences);
    },
    forward,
    closeSequences(closings) {
      ledger.close(closings);
      if (options.head) batchSampler.close(closings.map(({ sequenceId }) => sequenceId));
    },
    usage: () => ledger.usage(),
    ...(mover && pagedTransfer(ledger, mover, shape)),
    close: () => opened.close(),
  };
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

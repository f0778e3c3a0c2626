import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { newActivation } from "../../../common/tensor.js";
import type { PagedKv } from "../../../model/graph/paged-attention.js";
import { stageGraph } from "../../../model/graph/stage-graph.js";
import { graphOutputs, topCount } from "../../../model/graph/stage-graph-io.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import type { Sampler } from "../../sampler/create-sampler.js";
import { checkInput } from "../check-input.js";
import { drawsFromBest, isPlainGreedy } from "../ort/greedy.js";
import { hiddenOutputs, hiddenResult } from "../ort/hidden-tensors.js";
import { type RowNeeds, rowsThatNeed, type SampledRow, sampleOutputs } from "../ort/sample-rows.js";
import { stageWeightBytes } from "../ort/weight-bytes.js";
import { SequenceLedger } from "../sequence-ledger.js";
import type {
  RaggedBatch,
  RunnerOptions,
  SamplingParameters,
  StageInput,
  StageOutput,
  StageRunner,
} from "../stage-runner.js";
import type { BlockMover } from "./block-mover.js";
import { inGraphMover } from "./in-graph-mover.js";
import { pagedBlockCount } from "./paged-block-count.js";
import { pagedFeeds, type WantedRows } from "./paged-feeds.js";
import { pagedTransfer } from "./paged-transfer.js";
import type { CacheShape, Provider } from "./provider.js";
import { openSharedCacheMover } from "./shared-cache-mover.js";

/**
 * A runner on a GPU: KV in blocks, as the coordinator knows them, which never leave the device; a micro-batch is one
 * run. `sampler` is used at the last stage only.
 * @throws StagecoachError RESOURCE_EXHAUSTED when memory does not hold the weights and one KV block,
 * DATA_LOSS when the graph cannot be opened.
 */
export async function createPagedRunner(
  options: RunnerOptions,
  provider: Provider,
  sampler: Sampler,
): Promise<StageRunner> {
  const { config } = options.manifest;
  const { activationDtype = "FLOAT32", blobsFolder, blockSize } = options;
  if (blockSize % provider.blockSizeStep > 0) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `${provider.name} cannot attend to blocks of ${blockSize} tokens, they must be a multiple of ${provider.blockSizeStep}: --block-size ${provider.blockSizeStep}`,
    );
  }
  const weightBytes = stageWeightBytes(options);
  const blockCount = pagedBlockCount(options, weightBytes);
  const hasLayers = options.endLayer > options.firstLayer;
  const transfers = options.kvTransfer === true && hasLayers;
  const movesInGraph = transfers && !provider.sharesCaches;
  const shape: CacheShape = {
    firstLayer: options.firstLayer,
    endLayer: options.endLayer,
    // Runs of the stage's graph that move blocks need one that is nobody's.
    dims: [movesInGraph ? blockCount + 1 : blockCount, blockSize, config.kvHeadCount, config.headSize],
  };
  const kv = { blockCount: shape.dims[0], blockSize, maxContext: options.maxContext, transfer: movesInGraph };
  const inGraph = await provider.cachesInGraph(shape, blobsFolder);
  const session = await openGraph(options, provider, { ...kv, ...inGraph });
  const caches = await provider.openCaches(shape);
  // Attention writes only where a sequence's own tokens go. To copy a block took an `If` in every run.
  const beginsInsideBlocks = !hasLayers;
  const ledger = new SequenceLedger({ ...options, blockCount, beginsInsideBlocks });
  const feedContext = {
    blockSize,
    hiddenSize: config.hiddenSize,
    hasLayers,
    head: options.head,
    blocks: (sequenceId: number) => ledger.blocks(sequenceId),
  };
  const mover = transfers ? await openMover() : undefined;
  const inputShape = { ...config, embedding: options.embedding, activationDtype };

  async function openMover(): Promise<BlockMover> {
    if (!movesInGraph)
      return await openSharedCacheMover({ config, blobsFolder }, provider, shape, caches.feeds);
    const input: StageInput = options.embedding
      ? { kind: "tokens", tokenIds: Uint32Array.of(0) }
      : { kind: "hidden", ...newActivation(activationDtype, 1, config.hiddenSize) };
    return inGraphMover({ session, shape, feedContext, input, caches: caches.feeds });
  }

  async function forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    checkInput(batch, input, inputShape);
    ledger.advance(batch);
    try {
      return await compute(batch, input);
    } catch (reason) {
      ledger.spoil(batch);
      throw reason;
    }
  }

  async function compute(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    const rows = options.head ? sampledRows(batch) : [];
    const wanted = { logitRows: rowsThatNeed("logits", rows), topRows: rowsThatNeed("top", rows) };
    const feeds = { ...pagedFeeds(feedContext, batch, input, wanted), ...caches.feeds, ...mover?.idleFeeds };
    const outputs = await run(session, feeds, wantedOutputs(wanted), batch);
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
    beginsInsideBlocks,
    open(sequences) {
      ledger.open(sequences);
      if (options.head) sampler.open(sequences);
    },
    forward,
    closeSequences(closings) {
      ledger.close(closings);
      if (options.head) sampler.close(closings.map(({ sequenceId }) => sequenceId));
    },
    usage: () => ledger.usage(),
    ...(mover && pagedTransfer(ledger, mover, shape)),
    async close() {
      await mover?.close();
      await session.release();
      await caches.close();
    },
  };
}

function needsOf(sampling: SamplingParameters): RowNeeds {
  if (isPlainGreedy(sampling)) return "best";
  return drawsFromBest(sampling, topCount) ? "top" : "logits";
}

async function openGraph(
  options: RunnerOptions,
  provider: Provider,
  paged: PagedKv,
): Promise<InferenceSession> {
  const { manifest, blobsFolder } = options;
  const path = await writeStageGraph(blobsFolder, stageGraph(manifest, { ...options, paged }));
  try {
    return await provider.open(path);
  } catch (error) {
    if (error instanceof StagecoachError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StagecoachError("DATA_LOSS", `${provider.name} cannot open ${path}: ${reason}`, {
      cause: error,
    });
  }
}

async function run(
  session: InferenceSession,
  feeds: Record<string, Tensor>,
  wanted: string[],
  { sequenceIds }: RaggedBatch,
): Promise<Record<string, Tensor>> {
  try {
    return (await session.run(feeds, wanted)) as Record<string, Tensor>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StagecoachError("INTERNAL", `cannot compute sequences ${sequenceIds.join(", ")}: ${reason}`, {
      cause: error,
    });
  }
}

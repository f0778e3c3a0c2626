import type { InferenceSession, Tensor } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
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
import { BlockCopies } from "./block-copies.js";
import { pagedBlockCount } from "./paged-block-count.js";
import { pagedFeeds, type WantedRows } from "./paged-feeds.js";
import type { CacheShape, Provider } from "./provider.js";

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
  const weightBytes = stageWeightBytes(options, "f16");
  const blockCount = pagedBlockCount(options, weightBytes);
  const hasLayers = options.endLayer > options.firstLayer;
  const shape: CacheShape = {
    firstLayer: options.firstLayer,
    endLayer: options.endLayer,
    dims: [blockCount, blockSize, config.kvHeadCount, config.headSize],
  };
  const kv = { blockCount, blockSize, maxContext: options.maxContext };
  const inGraph = await provider.cachesInGraph(shape, blobsFolder);
  const session = await openGraph(options, provider, { ...kv, ...inGraph });
  const caches = await provider.openCaches(shape);
  const copies = await BlockCopies.open(options, provider, shape, caches.feeds);
  const ledger = new SequenceLedger({ ...options, blockCount });
  const feedContext = {
    blockSize,
    hiddenSize: config.hiddenSize,
    hasLayers,
    head: options.head,
    blocks: (sequenceId: number) => ledger.blocks(sequenceId),
  };
  const inputShape = { ...config, embedding: options.embedding, activationDtype };

  async function forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput> {
    checkInput(batch, input, inputShape);
    ledger.advance(batch);
    try {
      return await compute(batch, input, await copies.bring(batch));
    } catch (reason) {
      ledger.spoil(batch);
      throw reason;
    }
  }

  async function compute(
    batch: RaggedBatch,
    input: StageInput,
    copyFeeds: Record<string, Tensor>,
  ): Promise<StageOutput> {
    const rows = options.head ? sampledRows(batch) : [];
    const wanted = { logitRows: rowsThatNeed("logits", rows), topRows: rowsThatNeed("top", rows) };
    const feeds = { ...pagedFeeds(feedContext, batch, input, wanted), ...copyFeeds, ...caches.feeds };
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
    async close() {
      await session.release();
      await copies.close();
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
  paged: { blockCount: number; blockSize: number; maxContext: number; zerosFile?: string },
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

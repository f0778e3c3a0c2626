import type { InferenceSession } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { newActivation } from "../../../common/tensor.js";
import type { PagedKv } from "../../../model/graph/paged-attention.js";
import { stageGraph } from "../../../model/graph/stage-graph.js";
import { tokenRuns } from "../../../model/graph/weighed-rows.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import type { RunnerOptions, StageInput } from "../stage-runner.js";
import type { BlockMover } from "./block-mover.js";
import { inGraphMover } from "./in-graph-mover.js";
import type { PagedFeedContext } from "./paged-feeds.js";
import type { CacheShape, Caches, Provider } from "./provider.js";
import { openSharedCacheMover } from "./shared-cache-mover.js";

/** A stage's graph and caches, open on a device. */
export interface OpenStage {
  readonly session: InferenceSession;
  readonly shape: CacheShape;
  readonly caches: Caches;
  /** Where blocks are to leave and enter. */
  readonly mover: BlockMover | undefined;
  close(): Promise<void>;
}

/**
 * Opens a stage with so many KV blocks; what was opened is closed again when something cannot be.
 * @throws StagecoachError DATA_LOSS when the graph cannot be opened, otherwise what the provider says
 */
export async function openStage(
  options: RunnerOptions,
  provider: Provider,
  blockCount: number,
): Promise<OpenStage> {
  const { firstLayer, endLayer, blockSize, maxContext, blobsFolder } = options;
  const { kvHeadCount, headSize } = options.manifest.config;
  const transfers = options.kvTransfer === true && endLayer > firstLayer;
  const movesInGraph = transfers && !provider.sharesCaches;
  // Runs of the stage's graph that move blocks need one that is nobody's.
  const places = movesInGraph ? blockCount + 1 : blockCount;
  const shape: CacheShape = { firstLayer, endLayer, dims: [places, blockSize, kvHeadCount, headSize] };
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0)) await each();
  };
  try {
    const inGraph = await provider.cachesInGraph(shape, blobsFolder);
    const { packsIntegers: packedIntegers } = provider;
    const kv = {
      blockCount: places,
      blockSize,
      maxContext,
      transfer: movesInGraph,
      packedIntegers,
      ...inGraph,
    };
    const session = await openGraph(options, provider, kv);
    closers.push(() => session.release());
    const caches = await provider.openCaches(shape);
    closers.push(() => caches.close());
    const mover = transfers ? await openMover() : undefined;
    if (mover !== undefined) closers.unshift(() => mover.close());
    return { session, shape, caches, mover, close };

    async function openMover(): Promise<BlockMover> {
      const { config } = options.manifest;
      if (!movesInGraph) {
        return await openSharedCacheMover({ config, blobsFolder }, provider, shape, caches.feeds);
      }
      const feedShape = feedShapeOf(options, provider);
      return inGraphMover({ session, shape, feedShape, input: anyToken(options), caches: caches.feeds });
    }
  } catch (reason) {
    await close();
    throw reason;
  }
}

/** What feeds of a stage's runs depend on, beside who has which blocks. */
export function feedShapeOf(
  options: RunnerOptions,
  { packsIntegers }: Pick<Provider, "packsIntegers">,
): Omit<PagedFeedContext, "blocks"> {
  return {
    packsIntegers,
    blockSize: options.blockSize,
    hiddenSize: options.manifest.config.hiddenSize,
    runCount: tokenRuns(options.manifest.config.vocabularySize).runCount,
    hasLayers: options.endLayer > options.firstLayer,
    head: options.head,
  };
}

function anyToken({ embedding, manifest, activationDtype = "FLOAT32" }: RunnerOptions): StageInput {
  if (embedding) return { kind: "tokens", tokenIds: Uint32Array.of(0) };
  return { kind: "hidden", ...newActivation(activationDtype, 1, manifest.config.hiddenSize) };
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

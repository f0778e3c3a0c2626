import type { InferenceSession } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import type { PagedKv } from "../../../model/graph/paged-attention.js";
import { stageGraph } from "../../../model/graph/stage-graph.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import type { RunnerOptions } from "../stage-runner.js";
import { BlockCopies } from "./block-copies.js";
import type { CacheShape, Caches, Provider } from "./provider.js";

/** A stage's graph and caches, open on a device. */
export interface OpenStage {
  readonly session: InferenceSession;
  readonly caches: Caches;
  readonly copies: BlockCopies;
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
  const shape: CacheShape = { firstLayer, endLayer, dims: [blockCount, blockSize, kvHeadCount, headSize] };
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0)) await each();
  };
  try {
    const inGraph = await provider.cachesInGraph(shape, blobsFolder);
    const session = await openGraph(options, provider, { blockCount, blockSize, maxContext, ...inGraph });
    closers.push(() => session.release());
    const caches = await provider.openCaches(shape);
    closers.push(() => caches.close());
    const copies = await BlockCopies.open(options, provider, shape, caches.feeds);
    closers.splice(1, 0, () => copies.close());
    return { session, caches, copies, close };
  } catch (reason) {
    await close();
    throw reason;
  }
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

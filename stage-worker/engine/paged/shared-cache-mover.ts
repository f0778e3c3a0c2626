import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../model/config.js";
import { blockReadGraph, blockWriteGraph } from "../../../model/graph/block-transfer.js";
import {
  keyCache,
  transferInputs,
  transferOutputs,
  valueCache,
} from "../../../model/graph/stage-graph-io.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import { integers } from "../ort/integers.js";
import { type BlockMover, halvesOf, writeFeeds } from "./block-mover.js";
import type { CacheShape, Provider } from "./provider.js";

/** For caches that several graphs can have as inputs: graphs of its own, a run a cache or layer. */
export async function openSharedCacheMover(
  { config, blobsFolder }: { readonly config: ModelConfig; readonly blobsFolder: string },
  provider: Provider,
  { firstLayer, endLayer, dims }: CacheShape,
  caches: Readonly<Record<string, Tensor>>,
): Promise<BlockMover> {
  const open = async (graph: Uint8Array): Promise<InferenceSession> =>
    await provider.open(await writeStageGraph(blobsFolder, graph));
  const reader = await open(blockReadGraph(dims));
  const writer = await open(blockWriteGraph(config, dims));
  const layers = Array.from({ length: endLayer - firstLayer }, (_, index) => {
    const cacheOf = (name: string) => caches[name] as Tensor;
    return { keys: cacheOf(keyCache(firstLayer + index)), values: cacheOf(valueCache(firstLayer + index)) };
  });
  const [, blockSize, kvHeads, headSize] = dims;

  return {
    idleFeeds: {},
    async read(blocks) {
      const parts: Uint16Array[] = [];
      for (const cache of layers.flatMap(({ keys, values }) => [keys, values])) {
        const feeds = { [keyCache(0)]: cache, [transferInputs.read]: integers(blocks) };
        parts.push(halvesOf(await reader.run(feeds, [transferOutputs.content])));
      }
      return parts;
    },
    async write(blocks, parts) {
      const shape = [blocks.length * blockSize, kvHeads * headSize];
      for (const [index, { keys, values }] of layers.entries()) {
        await writer.run(
          {
            [keyCache(0)]: keys,
            [valueCache(0)]: values,
            [transferInputs.keys]: new Tensor("float16", parts[2 * index] as Uint16Array, shape),
            [transferInputs.values]: new Tensor("float16", parts[2 * index + 1] as Uint16Array, shape),
            ...writeFeeds(blocks, blockSize),
          },
          [transferOutputs.done],
        );
      }
    },
    async close() {
      await reader.release();
      await writer.release();
    },
  };
}

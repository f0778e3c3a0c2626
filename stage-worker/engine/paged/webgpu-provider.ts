import { InferenceSession, Tensor } from "onnxruntime-node";
import { GraphBuilder } from "../../../model/graph/graph-builder.js";
import { elementTypes } from "../../../model/graph/onnx-writer.js";
import { keyCache, valueCache } from "../../../model/graph/stage-graph-io.js";
import type { CacheShape, Caches, Provider } from "./provider.js";

/**
 * Chunks of 32 tokens or more go through a kernel that reads 32 tokens of a block at once: measured with ONNX Runtime
 * 1.30, on software Vulkan, blocks of 16 give logits that are 2 to 5 % off.
 */
const tileTokens = 32;

/** ONNX Runtime through Dawn: any GPU with a Vulkan, Metal or Direct3D 12 driver that knows float16. */
export function webgpuProvider(): Provider {
  return {
    name: "WebGPU",
    blockSizeStep: tileTokens,
    sharesCaches: true,
    packsIntegers: true,
    blockSizePowers: false,
    headSizes: { multipleOf: 16 },
    cachesInGraph: async () => ({}),
    openCaches: gpuCaches,
    open: (path) =>
      InferenceSession.create(path, {
        executionProviders: [{ name: "webgpu", validationMode: "disabled" }],
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
      }),
  };
}

/**
 * Tensors of zeros that stay on the GPU: outputs of a graph that makes nothing else. A stage's own session could not
 * be told to keep outputs there, for it would then make new ones for every run. The session that made them has to
 * outlive them: what it gave is its own.
 */
async function gpuCaches({ firstLayer, endLayer, dims }: CacheShape): Promise<Caches> {
  const session = await InferenceSession.create(zerosGraph(dims), {
    executionProviders: ["webgpu"],
    preferredOutputLocation: "gpu-buffer",
    logSeverityLevel: 3,
  });
  const feeds: Record<string, Tensor> = {};
  const close = async (): Promise<void> => {
    for (const cache of Object.values(feeds)) cache.dispose();
    await session.release();
  };
  try {
    for (let layer = firstLayer; layer < endLayer; layer++) {
      for (const name of [keyCache(layer), valueCache(layer)]) {
        const shape = new Tensor("int64", BigInt64Array.from(dims, BigInt), [dims.length]);
        feeds[name] = (await session.run({ shape }))["zeros"] as Tensor;
      }
    }
    return { feeds, close };
  } catch (reason) {
    await close();
    throw reason;
  }
}

function zerosGraph(dims: readonly number[]): Uint8Array {
  const graph = new GraphBuilder();
  const zeros = graph.op("ConstantOfShape", [graph.input("shape", "i64", [dims.length])]);
  graph.output("zeros", graph.op("Cast", [zeros], { to: elementTypes.f16 }), "f16", dims);
  return graph.model();
}

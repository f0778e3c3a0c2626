import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { PagedKv } from "../../../model/graph/paged-attention.js";
import type { GpuMemory } from "../../cuda/gpu-memory.js";

/** What a stage's caches are: so many tensors, two a layer, each `[blockCount, blockSize, kvHeadCount, headSize]`. */
export interface CacheShape {
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly dims: readonly [blockCount: number, blockSize: number, kvHeadCount: number, headSize: number];
}

/** Tensors on the device, by the input that they are fed to. */
export interface Caches {
  readonly feeds: Readonly<Record<string, Tensor>>;
  close(): Promise<void>;
}

/** A way of ONNX Runtime's to compute on a GPU: what differs between them beside the graph that they share. */
export interface Provider {
  /** For errors: `CUDA device 0`. */
  readonly name: string;
  /** A block's tokens have to be a multiple of this, or attention goes wrong without saying so. */
  readonly blockSizeStep: number;
  /** Whether other graphs than the stage's can have its caches. */
  readonly sharesCaches: boolean;
  /** Whether each tensor that is fed costs a copy of its own, so that small ones are better one; see `packedInputs`. */
  readonly packsIntegers: boolean;
  /** Sizes of blocks have to be powers of two besides. */
  readonly blockSizePowers: boolean;
  /** Values of a head that its attention takes: a multiple of the one, up to the other where there is a limit. */
  readonly headSizes: { readonly multipleOf: number; readonly most?: number };
  /** The device's memory as it is now; absent where nobody tells. */
  readonly memory?: () => Promise<GpuMemory>;
  /** Where the caches are: in the graph, as a file of zeros that it starts from, or among its inputs. */
  cachesInGraph(shape: CacheShape, blobsFolder: string): Promise<Pick<PagedKv, "zerosFile">>;
  /** Caches that every run is fed; none where they are in the graph. */
  openCaches(shape: CacheShape): Promise<Caches>;
  /** Opens a graph; its errors are ONNX Runtime's. */
  open(path: string): Promise<InferenceSession>;
}

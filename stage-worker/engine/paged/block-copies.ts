import { type InferenceSession, Tensor } from "onnxruntime-node";
import { blockCopyGraph, copyDone } from "../../../model/graph/block-copies.js";
import { copyInputs } from "../../../model/graph/stage-graph-io.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import { integers } from "../ort/integers.js";
import type { RaggedBatch, RunnerOptions, SequenceOpening } from "../stage-runner.js";
import type { CacheShape, Provider } from "./provider.js";

interface Copy {
  readonly from: number;
  readonly to: number;
}

/**
 * Copies of blocks that a sequence begins with and will go on writing into: where its cached tokens end inside a
 * block, others may still need that block as it is. Where the caches are the graph's own, copies are part of the run;
 * otherwise they are a run before it, of a graph that has the same caches.
 */
export class BlockCopies {
  /** Absent where the copies are the stage's graph's, or there is nothing to copy. */
  readonly #session: InferenceSession | undefined;
  readonly #caches: Readonly<Record<string, Tensor>>;
  readonly #inGraph: boolean;
  readonly #blockSize: number;
  /** The block that a sequence's own first block is to be a copy of. */
  readonly #sources = new Map<number, number>();

  /** `caches`: the tensors that graphs share; none where the stage's graph has them to itself. */
  static async open(
    { manifest, blobsFolder }: RunnerOptions,
    provider: Provider,
    { firstLayer, endLayer, dims: [blockCount, blockSize] }: CacheShape,
    caches: Readonly<Record<string, Tensor>>,
  ): Promise<BlockCopies> {
    const hasLayers = endLayer > firstLayer;
    const shared = Object.keys(caches).length > 0;
    if (!hasLayers || !shared) return new BlockCopies(undefined, caches, hasLayers, blockSize);
    const graph = blockCopyGraph(manifest.config, { firstLayer, endLayer }, { blockCount, blockSize });
    const session = await provider.open(await writeStageGraph(blobsFolder, graph));
    return new BlockCopies(session, caches, false, blockSize);
  }

  private constructor(
    session: InferenceSession | undefined,
    caches: Readonly<Record<string, Tensor>>,
    inGraph: boolean,
    blockSize: number,
  ) {
    this.#session = session;
    this.#caches = caches;
    this.#inGraph = inGraph;
    this.#blockSize = blockSize;
  }

  /** Takes note of sequences that begin inside a block. */
  expect(openings: readonly SequenceOpening[]): void {
    for (const { sequenceId, cachedLength, cachedBlocks } of openings) {
      const source = cachedBlocks.at(-1);
      if (source !== undefined && cachedLength % this.#blockSize > 0) this.#sources.set(sequenceId, source);
    }
  }

  /**
   * Makes the copies that the sequences of a micro-batch begin with, into the first of their new blocks.
   * @returns what the micro-batch's run has to be fed for them
   */
  async bring(batch: RaggedBatch): Promise<Record<string, Tensor>> {
    const copies = this.#take(batch);
    if (this.#inGraph) {
      const wanted = new Tensor("bool", Uint8Array.of(copies.length > 0 ? 1 : 0), []);
      return { [copyInputs.wanted]: wanted, ...this.#feeds(copies) };
    }
    if (copies.length > 0) await this.#session?.run({ ...this.#caches, ...this.#feeds(copies) }, [copyDone]);
    return {};
  }

  /** Sequences are over before they began. */
  forget(sequenceIds: readonly number[]): void {
    for (const sequenceId of sequenceIds) this.#sources.delete(sequenceId);
  }

  async close(): Promise<void> {
    await this.#session?.release();
  }

  #take({ sequenceIds, newBlocks }: RaggedBatch): Copy[] {
    return sequenceIds.flatMap((sequenceId, index) => {
      const from = this.#sources.get(sequenceId);
      const to = newBlocks[index]?.[0];
      if (from === undefined || to === undefined) return [];
      this.#sources.delete(sequenceId);
      return from === to ? [] : [{ from, to }];
    });
  }

  #feeds(copies: readonly Copy[]): Record<string, Tensor> {
    const count = copies.length;
    const size = this.#blockSize;
    const starts = Int32Array.from({ length: count + 1 }, (_, index) => index * size);
    return {
      [copyInputs.blocks]: integers(copies.map(({ from }) => from)),
      [copyInputs.starts]: new Tensor("int32", starts, [count + 1]),
      [copyInputs.pasts]: new Tensor("int32", new Int32Array(count), [count]),
      [copyInputs.table]: new Tensor(
        "int32",
        Int32Array.from(copies, ({ to }) => to),
        [count, 1],
      ),
      [copyInputs.longest]: new Tensor("int32", Int32Array.of(size, size), [2]),
    };
  }
}

import { type InferenceSession, Tensor } from "onnxruntime-node";
import { transferInputs, transferOutputs } from "../../../model/graph/stage-graph-io.js";
import { integers } from "../ort/integers.js";
import type { RaggedBatch, StageInput } from "../stage-runner.js";
import { type BlockMover, halvesOf, writeFeeds } from "./block-mover.js";
import { type PagedFeedContext, pagedFeeds } from "./paged-feeds.js";
import type { CacheShape } from "./provider.js";

/** What a mover within a stage's graph needs. */
export interface InGraphMoverOptions {
  readonly session: InferenceSession;
  /** Its last block is nobody's: a run that moves blocks also computes a token, reads a block and writes one. */
  readonly shape: CacheShape;
  readonly feedShape: Omit<PagedFeedContext, "blocks">;
  /** Any one token. */
  readonly input: StageInput;
  /** Caches that are fed. */
  readonly caches: Readonly<Record<string, Tensor>>;
}

/** For caches that only the stage's own graph sees: runs of that graph, all of its layers at once. */
export function inGraphMover({ session, shape, feedShape, input, caches }: InGraphMoverOptions): BlockMover {
  const { firstLayer, endLayer, dims } = shape;
  const [blockCount, blockSize, kvHeads, headSize] = dims;
  const scratchBlock = blockCount - 1;
  const partCount = 2 * (endLayer - firstLayer);
  const width = kvHeads * headSize;
  const content = (tokens: number, data = new Uint16Array(partCount * tokens * width)) => ({
    [transferInputs.content]: new Tensor("float16", data, [partCount, tokens, width]),
  });
  const wanted = (value: boolean) => ({
    [transferInputs.wanted]: new Tensor("bool", Uint8Array.of(value ? 1 : 0), []),
  });
  const scratchFeeds = {
    [transferInputs.read]: integers([scratchBlock]),
    ...writeFeeds([scratchBlock], 1),
  };
  const movingFeeds = {
    ...pagedFeeds({ ...feedShape, blocks: () => [scratchBlock] }, oneToken, input, []),
    ...caches,
    ...wanted(true),
    ...scratchFeeds,
    ...content(1),
  };

  return {
    // Every input of a run is brought to the device, whichever branch is taken: so no content.
    idleFeeds: { ...wanted(false), ...scratchFeeds, ...content(0) },
    async read(blocks) {
      const feeds = { ...movingFeeds, [transferInputs.read]: integers(blocks) };
      const all = halvesOf(await session.run(feeds, [transferOutputs.content]));
      const size = all.length / partCount;
      return Array.from({ length: partCount }, (_, part) => all.subarray(part * size, (part + 1) * size));
    },
    async write(blocks, parts) {
      const tokens = blocks.length * blockSize;
      const packed = new Uint16Array(partCount * tokens * width);
      for (const [part, data] of parts.entries()) packed.set(data, part * tokens * width);
      const feeds = { ...movingFeeds, ...content(tokens, packed), ...writeFeeds(blocks, blockSize) };
      await session.run(feeds, [transferOutputs.done]);
    },
    close: async () => undefined,
  };
}

const oneToken: RaggedBatch = {
  lane: 0,
  sequenceIds: [0],
  contextLengths: [0],
  lengths: [1],
  sample: [false],
  newBlocks: [[]],
};

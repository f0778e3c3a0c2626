import { StagecoachError } from "../../common/errors.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import type { BlockContent } from "./stage-runner.js";

/** What a stage keeps of a token. */
export interface ContentShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/** Bytes of the content of so many tokens. */
export function contentBytes({ layers, kvHeads, headSize }: ContentShape, tokens: number): number {
  return 2 * layers * tokens * kvHeads * headSize * Uint16Array.BYTES_PER_ELEMENT;
}

/**
 * Empty content for so many tokens.
 * @throws StagecoachError RESOURCE_EXHAUSTED when it takes more than `freeBytes`
 */
export function newContent(shape: ContentShape, tokens: number, freeBytes: number): BlockContent {
  const sizeBytes = contentBytes(shape, tokens);
  if (sizeBytes > freeBytes) {
    throw new StagecoachError(
      "RESOURCE_EXHAUSTED",
      `KV of ${tokens} tokens takes ${formatBytes(sizeBytes)}, and ${formatBytes(freeBytes)} are free: export fewer blocks at once`,
    );
  }
  const { layers, kvHeads, headSize } = shape;
  const parts = Array.from({ length: 2 * layers }, () => new Uint16Array(tokens * kvHeads * headSize));
  return { tokens, parts };
}

/**
 * Holds content to what it is to fill.
 * @throws StagecoachError INVALID_ARGUMENT naming what is of another size
 */
export function checkContent({ tokens, parts }: BlockContent, shape: ContentShape, wanted: number): void {
  if (tokens !== wanted) throw refuse(`it is of ${tokens} tokens, the blocks hold ${wanted}`);
  if (parts.length !== 2 * shape.layers) {
    throw refuse(`it has keys and values of ${parts.length / 2} layers, the stage has ${shape.layers}`);
  }
  const size = tokens * shape.kvHeads * shape.headSize;
  const wrong = parts.findIndex(({ length }) => length !== size);
  if (wrong < 0) return;
  const what = `${wrong % 2 === 0 ? "keys" : "values"} of layer ${wrong >> 1} of the stage`;
  throw refuse(`${what} have ${parts[wrong]?.length} numbers, ${size} are needed`);
}

function refuse(why: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", `cannot import KV: ${why}`);
}

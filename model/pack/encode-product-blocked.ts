import type { BlockedWeights } from "../encoding/to-blocks.js";
import { encodeBias, floatTensor, outputsOf } from "./encode-product-dense.js";
import type { EncodedProduct, EncodedTensor, ProductPart } from "./encoded-product.js";

/** A part and its weights as blocks. */
export interface BlockedPart {
  readonly part: ProductPart;
  readonly blocks: BlockedWeights;
}

/** True when parts can be stacked: they agree in width, in block size and in having offsets. */
export function sameBlocks(parts: readonly BlockedPart[]): boolean {
  const kinds = parts.map(
    ({ blocks }) => `${blocks.bits}/${blocks.blockSize}/${blocks.offsets !== undefined}`,
  );
  return new Set(kinds).size === 1;
}

/** Stacks parts along their outputs into one product of blocks; they must be `sameBlocks`. */
export function encodeBlocked(
  name: string,
  parts: readonly BlockedPart[],
  inputSize: number,
): EncodedProduct {
  const { bits, blockSize } = (parts[0] as BlockedPart).blocks;
  const outputSize = parts.reduce((sum, { part }) => sum + outputsOf(part), 0);
  const blocksPerRow = Math.ceil(inputSize / blockSize);
  const quants: EncodedTensor = {
    name: `${name}.quants`,
    dtype: "u8",
    shape: [outputSize, blocksPerRow, (blockSize * bits) / 8],
    data: joined(
      parts.map(({ blocks }) => blocks.quants),
      (length) => new Uint8Array(length),
    ),
  };
  const scales = floatTensor(
    `${name}.scales`,
    [outputSize * blocksPerRow],
    joinedFloats(parts.map(({ blocks }) => blocks.scales)),
  );
  const offsets = stackOffsets(name, parts, outputSize, blocksPerRow);
  const bias = encodeBias(
    name,
    parts.map(({ part }) => part),
  );
  return {
    product: {
      encoding: "blocked",
      name,
      inputSize,
      outputSize,
      bits,
      blockSize,
      quants: quants.name,
      scales: scales.name,
      ...(offsets && { offsets: offsets.name }),
      ...(bias && { bias: bias.name }),
    },
    tensors: [quants, scales, ...(offsets ? [offsets] : []), ...(bias ? [bias] : [])],
  };
}

/** Offsets of all parts, turned from `[outputs, blocks]` into the `[blocks, outputs]` of a product. */
function stackOffsets(
  name: string,
  parts: readonly BlockedPart[],
  outputSize: number,
  blocksPerRow: number,
): EncodedTensor | undefined {
  const stacked = new Float32Array(blocksPerRow * outputSize);
  let firstRow = 0;
  for (const { part, blocks } of parts) {
    if (!blocks.offsets) return undefined;
    const rows = outputsOf(part);
    for (let block = 0; block < blocksPerRow; block++) {
      for (let row = 0; row < rows; row++) {
        const offset = blocks.offsets[row * blocksPerRow + block] as number;
        stacked[block * outputSize + firstRow + row] = offset;
      }
    }
    firstRow += rows;
  }
  return floatTensor(`${name}.offsets`, [blocksPerRow, outputSize], stacked);
}

function joinedFloats(arrays: readonly Float32Array[]): Float32Array {
  return joined(arrays, (length) => new Float32Array(length));
}

function joined<A extends Uint8Array | Float32Array>(
  arrays: readonly A[],
  allocate: (length: number) => A,
): A {
  if (arrays.length === 1) return arrays[0] as A;
  const all = allocate(arrays.reduce((sum, array) => sum + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    all.set(array, offset);
    offset += array.length;
  }
  return all;
}

import type { PackedProduct } from "../store/manifest.js";
import type { BlobReader } from "./blob-reader.js";
import type { WeightRows } from "./weight-rows.js";

type BlockedProduct = Extract<PackedProduct, { encoding: "blocked" }>;

/** What scales and offsets blocks have. */
interface BlockFloats {
  /** `[outputs, blocks]` */
  readonly scales: Float32Array;
  /** `[blocks, outputs]` */
  readonly offsets: Float32Array | undefined;
}

/** Blocks of a product as rows `[outputs, inputs]`, read a stretch at a time. */
export async function blockedRows(reader: BlobReader, product: BlockedProduct): Promise<WeightRows> {
  const { inputSize, outputSize, blockSize } = product;
  const { blocks, rowBytes, tensor } = quantsOf(reader, product);
  const { scales, offsets } = await blockFloats(reader, product, blocks);
  const take = levelTaker(product);
  return {
    rows: outputSize,
    rowLength: inputSize,
    transposed: true,
    step: 1,
    async read(first, count) {
      const quants = new Uint8Array(await reader.read(tensor, first * rowBytes, count * rowBytes));
      const values = new Float32Array(count * inputSize);
      for (let row = 0; row < count; row++) {
        const output = first + row;
        for (let block = 0; block < blocks; block++) {
          const scale = scales[output * blocks + block] as number;
          const offset = offsets === undefined ? 0 : (offsets[block * outputSize + output] as number);
          const start = block * blockSize;
          const end = Math.min(inputSize, start + blockSize);
          for (let input = start; input < end; input++) {
            values[row * inputSize + input] = scale * take(quants, row * rowBytes, input) + offset;
          }
        }
      }
      return values;
    },
  };
}

/** The same turned to `[inputs, outputs]`; what is packed is held as a whole, it is small beside that. */
export async function blockedColumns(reader: BlobReader, product: BlockedProduct): Promise<WeightRows> {
  const { inputSize, outputSize, blockSize } = product;
  const { blocks, rowBytes, tensor } = quantsOf(reader, product);
  const { scales, offsets } = await blockFloats(reader, product, blocks);
  const quants = new Uint8Array(await reader.read(tensor));
  const take = levelTaker(product);
  return {
    rows: inputSize,
    rowLength: outputSize,
    transposed: false,
    step: blockSize,
    async read(first, count) {
      const values = new Float32Array(count * outputSize);
      for (let start = first; start < first + count; start += blockSize) {
        const block = start / blockSize;
        const end = Math.min(first + count, start + blockSize);
        // Outputs go one by one, so that the rows of one block, which are few, are written side by side.
        for (let output = 0; output < outputSize; output++) {
          const scale = scales[output * blocks + block] as number;
          const offset = offsets === undefined ? 0 : (offsets[block * outputSize + output] as number);
          for (let input = start; input < end; input++) {
            const level = take(quants, output * rowBytes, input);
            values[(input - first) * outputSize + output] = scale * level + offset;
          }
        }
      }
      return values;
    },
  };
}

function quantsOf(reader: BlobReader, { quants, inputSize, outputSize, blockSize, bits }: BlockedProduct) {
  const blocks = Math.ceil(inputSize / blockSize);
  const rowBytes = (blocks * blockSize * bits) / 8;
  return { blocks, rowBytes, tensor: reader.tensor(quants, ["u8"], outputSize * rowBytes) };
}

async function blockFloats(
  reader: BlobReader,
  { scales, offsets, outputSize }: BlockedProduct,
  blocks: number,
): Promise<BlockFloats> {
  const read = async (name: string): Promise<Float32Array> =>
    new Float32Array(await reader.read(reader.tensor(name, ["f32"], outputSize * blocks)));
  return { scales: await read(scales), offsets: offsets === undefined ? undefined : await read(offsets) };
}

/** The distance of a row's level from the middle; of two in a byte the first is the low one. */
function levelTaker({ bits }: BlockedProduct): (quants: Uint8Array, rowStart: number, at: number) => number {
  if (bits === 8) return (quants, rowStart, at) => (quants[rowStart + at] as number) - 128;
  return (quants, rowStart, at) => {
    const pair = quants[rowStart + (at >> 1)] as number;
    return ((at & 1) === 0 ? pair & 15 : pair >> 4) - 8;
  };
}

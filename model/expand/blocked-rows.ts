import type { PackedProduct } from "../store/manifest.js";
import type { BlobReader } from "./blob-reader.js";
import type { WeightRows } from "./readable-rows.js";

type BlockedProduct = Extract<PackedProduct, { encoding: "blocked" }>;

/** Outputs whose blocks are turned at once: few enough for the processor's nearest cache. */
const tileOutputs = 64;

/** What scales and offsets blocks have. */
interface BlockFloats {
  /** `[outputs, blocks]` */
  readonly scales: Float32Array;
  /** `[blocks, outputs]` */
  readonly offsets: Float32Array | undefined;
}

/** Blocks of a product as rows `[outputs, inputs]`, read a stretch at a time. */
export async function blockedRows(reader: BlobReader, product: BlockedProduct): Promise<WeightRows> {
  const { inputSize, outputSize, blockSize, bits } = product;
  const { blocks, rowBytes, tensor } = quantsOf(reader, product);
  const { scales, offsets } = await blockFloats(reader, product, blocks);
  const unpack = unpackers[bits];
  const levels = new Int8Array(blockSize);
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
          unpack(quants, row * rowBytes + (block * blockSize * bits) / 8, levels);
          const scale = scales[output * blocks + block] as number;
          const offset = offsets === undefined ? 0 : (offsets[block * outputSize + output] as number);
          const to = row * inputSize + block * blockSize;
          const inBlock = Math.min(blockSize, inputSize - block * blockSize);
          for (let i = 0; i < inBlock; i++) values[to + i] = scale * (levels[i] as number) + offset;
        }
      }
      return values;
    },
  };
}

/** The same turned to `[inputs, outputs]`; what is packed is held as a whole, it is small beside that. */
export async function blockedColumns(reader: BlobReader, product: BlockedProduct): Promise<WeightRows> {
  const { inputSize, outputSize, blockSize, bits } = product;
  const { blocks, rowBytes, tensor } = quantsOf(reader, product);
  const { scales, offsets } = await blockFloats(reader, product, blocks);
  const quants = new Uint8Array(await reader.read(tensor));
  const unpack = unpackers[bits];
  const levels = new Int8Array(blockSize);
  const tile = new Float32Array(blockSize * tileOutputs);
  /** A block of some outputs, `[blockSize, tileOutputs]`. */
  const fillTile = (block: number, firstOutput: number, endOutput: number): void => {
    for (let output = firstOutput; output < endOutput; output++) {
      unpack(quants, output * rowBytes + (block * blockSize * bits) / 8, levels);
      const scale = scales[output * blocks + block] as number;
      const offset = offsets === undefined ? 0 : (offsets[block * outputSize + output] as number);
      const column = output - firstOutput;
      for (let i = 0; i < blockSize; i++) {
        tile[i * tileOutputs + column] = scale * (levels[i] as number) + offset;
      }
    }
  };
  return {
    rows: inputSize,
    rowLength: outputSize,
    transposed: false,
    step: blockSize,
    async read(first, count) {
      const values = new Float32Array(count * outputSize);
      for (let start = 0; start < count; start += blockSize) {
        const end = Math.min(count, start + blockSize);
        for (let output = 0; output < outputSize; output += tileOutputs) {
          const endOutput = Math.min(outputSize, output + tileOutputs);
          fillTile((first + start) / blockSize, output, endOutput);
          for (let row = start; row < end; row++) {
            const from = (row - start) * tileOutputs;
            values.set(tile.subarray(from, from + endOutput - output), row * outputSize + output);
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

/** Writes a block's levels, each as its distance from the middle; of two in a byte the first is the low one. */
const unpackers = {
  4: (quants: Uint8Array, from: number, levels: Int8Array): void => {
    for (let i = 0; i < levels.length; i += 2) {
      const pair = quants[from + i / 2] as number;
      levels[i] = (pair & 15) - 8;
      levels[i + 1] = (pair >> 4) - 8;
    }
  },
  8: (quants: Uint8Array, from: number, levels: Int8Array): void => {
    for (let i = 0; i < levels.length; i++) levels[i] = (quants[from + i] as number) - 128;
  },
} as const;

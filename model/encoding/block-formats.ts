import type { Encoding } from "../source/model-source.js";
import { readHalf } from "./half.js";
import { unpackQ2K, unpackQ3K, unpackQ4K, unpackQ5K, unpackQ6K } from "./k-quants.js";
import type { UnpackedBlock } from "./unpacked-block.js";

/** Encodings that store small integers with a scale a group. */
export type BlockEncoding = Exclude<Encoding, "F32" | "F16" | "BF16">;

/** How an encoding stores blocks and how its levels are stored again as MatMulNBits weights. */
export interface BlockFormat {
  /** Weights in a stored block. */
  readonly blockElements: 32 | 256;
  readonly blockBytes: number;
  /** Weights that share a scale. */
  readonly groupSize: 16 | 32;
  /** Width that holds every level. */
  readonly bits: 4 | 8;
  /** Middle of the range of levels: levels are stored again as their distance from it. */
  readonly centre: number;
  readonly hasMinima: boolean;
  /** Takes the block at `offset` apart; writes every element of `into` that the format uses. */
  readonly unpack: (bytes: Uint8Array, offset: number, into: UnpackedBlock) => void;
}

/** ggml's block layouts, as its quantization code defines them. */
export const blockFormats: Readonly<Record<BlockEncoding, BlockFormat>> = {
  Q4_0: simple({ blockBytes: 18, bits: 4, centre: 0, hasMinima: false, unpack: unpackQ4_0 }),
  Q4_1: simple({ blockBytes: 20, bits: 4, centre: 8, hasMinima: true, unpack: unpackQ4_1 }),
  Q5_0: simple({ blockBytes: 22, bits: 8, centre: 0, hasMinima: false, unpack: unpackQ5_0 }),
  Q5_1: simple({ blockBytes: 24, bits: 8, centre: 16, hasMinima: true, unpack: unpackQ5_1 }),
  Q8_0: simple({ blockBytes: 34, bits: 8, centre: 0, hasMinima: false, unpack: unpackQ8_0 }),
  Q2_K: kQuant({ blockBytes: 84, groupSize: 16, bits: 4, centre: 2, hasMinima: true, unpack: unpackQ2K }),
  Q3_K: kQuant({ blockBytes: 110, groupSize: 16, bits: 4, centre: 0, hasMinima: false, unpack: unpackQ3K }),
  Q4_K: kQuant({ blockBytes: 144, groupSize: 32, bits: 4, centre: 8, hasMinima: true, unpack: unpackQ4K }),
  Q5_K: kQuant({ blockBytes: 176, groupSize: 32, bits: 8, centre: 16, hasMinima: true, unpack: unpackQ5K }),
  Q6_K: kQuant({ blockBytes: 210, groupSize: 16, bits: 8, centre: 0, hasMinima: false, unpack: unpackQ6K }),
};

/** True for encodings with blocks, false for plain floats. */
export function isBlockEncoding(encoding: Encoding): encoding is BlockEncoding {
  return encoding in blockFormats;
}

/** Room for one block of a format. */
export function emptyBlock({ blockElements, groupSize }: BlockFormat): UnpackedBlock {
  const groups = blockElements / groupSize;
  return {
    levels: new Int8Array(blockElements),
    scales: new Float32Array(groups),
    minima: new Float32Array(groups),
  };
}

function simple(format: Omit<BlockFormat, "blockElements" | "groupSize">): BlockFormat {
  return { blockElements: 32, groupSize: 32, ...format };
}

function kQuant(format: Omit<BlockFormat, "blockElements">): BlockFormat {
  return { blockElements: 256, ...format };
}

function unpackQ4_0(bytes: Uint8Array, offset: number, { levels, scales }: UnpackedBlock): void {
  scales[0] = readHalf(bytes, offset);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[offset + 2 + i] as number;
    levels[i] = (pair & 15) - 8;
    levels[i + 16] = (pair >> 4) - 8;
  }
}

function unpackQ4_1(bytes: Uint8Array, offset: number, { levels, scales, minima }: UnpackedBlock): void {
  scales[0] = readHalf(bytes, offset);
  minima[0] = readHalf(bytes, offset + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[offset + 4 + i] as number;
    levels[i] = pair & 15;
    levels[i + 16] = pair >> 4;
  }
}

function unpackQ5_0(bytes: Uint8Array, offset: number, { levels, scales }: UnpackedBlock): void {
  scales[0] = readHalf(bytes, offset);
  unpackFiveBits(bytes, offset + 2, levels, 16);
}

function unpackQ5_1(bytes: Uint8Array, offset: number, { levels, scales, minima }: UnpackedBlock): void {
  scales[0] = readHalf(bytes, offset);
  minima[0] = readHalf(bytes, offset + 2);
  unpackFiveBits(bytes, offset + 4, levels, 0);
}

/** Four bytes of fifth bits, element 0 lowest, then 16 bytes of nibble pairs. */
function unpackFiveBits(bytes: Uint8Array, offset: number, levels: Int8Array, zero: number): void {
  const low = (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
  const high = (bytes[offset + 2] as number) | ((bytes[offset + 3] as number) << 8);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[offset + 4 + i] as number;
    levels[i] = ((pair & 15) | (((low >> i) & 1) << 4)) - zero;
    levels[i + 16] = ((pair >> 4) | (((high >> i) & 1) << 4)) - zero;
  }
}

function unpackQ8_0(bytes: Uint8Array, offset: number, { levels, scales }: UnpackedBlock): void {
  scales[0] = readHalf(bytes, offset);
  for (let i = 0; i < 32; i++) levels[i] = bytes[offset + 2 + i] as number;
}

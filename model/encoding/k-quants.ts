import { readHalf } from "./half.js";
import type { UnpackedBlock } from "./unpacked-block.js";

/** 84 bytes: 16 pairs of 4-bit scale and minimum, 64 bytes of 2-bit levels, f16 scale, f16 minimum. */
export function unpackQ2K(
  bytes: Uint8Array,
  offset: number,
  { levels, scales, minima }: UnpackedBlock,
): void {
  const scale = readHalf(bytes, offset + 80);
  const minimum = readHalf(bytes, offset + 82);
  for (let group = 0; group < 16; group++) {
    const pair = bytes[offset + group] as number;
    scales[group] = scale * (pair & 15);
    minima[group] = -minimum * (pair >> 4);
  }
  unpackTwoBits(bytes, offset + 16, levels);
}

/** 110 bytes: 32 of inverted third bits, 64 of 2-bit levels, 12 of 6-bit scales, f16 scale. */
export function unpackQ3K(bytes: Uint8Array, offset: number, { levels, scales }: UnpackedBlock): void {
  const scale = readHalf(bytes, offset + 108);
  for (let group = 0; group < 16; group++) {
    const low = ((bytes[offset + 96 + (group & 7)] as number) >> (group < 8 ? 0 : 4)) & 15;
    const high = ((bytes[offset + 104 + (group & 3)] as number) >> (2 * (group >> 2))) & 3;
    scales[group] = scale * ((low | (high << 4)) - 32);
  }
  unpackTwoBits(bytes, offset + 32, levels);
  // Bit b of byte i belongs to element 32 b + i; a bit that is not set takes 4 away.
  for (let bit = 0; bit < 8; bit++) {
    for (let i = 0; i < 32; i++) {
      const set = ((bytes[offset + i] as number) >> bit) & 1;
      levels[32 * bit + i] = (levels[32 * bit + i] as number) - 4 + 4 * set;
    }
  }
}

/** 144 bytes: f16 scale, f16 minimum, 12 of 6-bit scales and minima, 128 of nibbles. */
export function unpackQ4K(bytes: Uint8Array, offset: number, into: UnpackedBlock): void {
  unpackScalesAndMinima(bytes, offset, into);
  const { levels } = into;
  for (let part = 0; part < 4; part++) {
    for (let i = 0; i < 32; i++) {
      const pair = bytes[offset + 16 + 32 * part + i] as number;
      levels[64 * part + i] = pair & 15;
      levels[64 * part + 32 + i] = pair >> 4;
    }
  }
}

/** 176 bytes: as Q4_K with 32 bytes of fifth bits before the nibbles; bit b of byte i is element 32 b + i's. */
export function unpackQ5K(bytes: Uint8Array, offset: number, into: UnpackedBlock): void {
  unpackScalesAndMinima(bytes, offset, into);
  const { levels } = into;
  for (let part = 0; part < 4; part++) {
    for (let i = 0; i < 32; i++) {
      const fifth = (bytes[offset + 16 + i] as number) >> (2 * part);
      const pair = bytes[offset + 48 + 32 * part + i] as number;
      levels[64 * part + i] = (pair & 15) | ((fifth & 1) << 4);
      levels[64 * part + 32 + i] = (pair >> 4) | ((fifth & 2) << 3);
    }
  }
}

/** 210 bytes: 128 of low nibbles, 64 of high bit pairs, 16 signed scales, f16 scale. */
export function unpackQ6K(bytes: Uint8Array, offset: number, { levels, scales }: UnpackedBlock): void {
  const scale = readHalf(bytes, offset + 208);
  for (let group = 0; group < 16; group++) {
    scales[group] = scale * (((bytes[offset + 192 + group] as number) << 24) >> 24);
  }
  for (let part = 0; part < 2; part++) {
    for (let i = 0; i < 32; i++) {
      const first = bytes[offset + 64 * part + i] as number;
      const second = bytes[offset + 64 * part + 32 + i] as number;
      const high = bytes[offset + 128 + 32 * part + i] as number;
      const at = 128 * part + i;
      levels[at] = ((first & 15) | ((high & 3) << 4)) - 32;
      levels[at + 32] = ((second & 15) | ((high & 12) << 2)) - 32;
      levels[at + 64] = ((first >> 4) | (high & 48)) - 32;
      levels[at + 96] = ((second >> 4) | ((high & 192) >> 2)) - 32;
    }
  }
}

/** Two runs of 32 bytes; each byte holds elements 32 apart, the first in the lowest bits. */
function unpackTwoBits(bytes: Uint8Array, offset: number, levels: Int8Array): void {
  for (let part = 0; part < 2; part++) {
    for (let i = 0; i < 32; i++) {
      const four = bytes[offset + 32 * part + i] as number;
      const at = 128 * part + i;
      levels[at] = four & 3;
      levels[at + 32] = (four >> 2) & 3;
      levels[at + 64] = (four >> 4) & 3;
      levels[at + 96] = four >> 6;
    }
  }
}

/**
 * Eight 6-bit scales and minima in 12 bytes: the first four of each in the low bits of bytes 0-3 and 4-7,
 * the others with their low nibbles in bytes 8-11 and their upper bits on top of bytes 0-7.
 */
function unpackScalesAndMinima(bytes: Uint8Array, offset: number, { scales, minima }: UnpackedBlock): void {
  const scale = readHalf(bytes, offset);
  const minimum = readHalf(bytes, offset + 2);
  for (let i = 0; i < 4; i++) {
    const first = bytes[offset + 4 + i] as number;
    const second = bytes[offset + 8 + i] as number;
    const third = bytes[offset + 12 + i] as number;
    scales[i] = scale * (first & 63);
    minima[i] = -minimum * (second & 63);
    scales[i + 4] = scale * ((third & 15) | ((first >> 6) << 4));
    minima[i + 4] = -minimum * ((third >> 4) | ((second >> 6) << 4));
  }
}

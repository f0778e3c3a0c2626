/** Widens bfloat16, given by its bits, into `out`; every value is exact. */
export function bfloat16ToFloat32(
  bits: Uint16Array,
  out: Float32Array = new Float32Array(bits.length),
): Float32Array {
  const outBits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let index = 0; index < bits.length; index++) outBits[index] = (bits[index] as number) << 16;
  return out;
}

/** Narrows to bfloat16 bits, to the nearest and ties to even; NaN stays NaN. */
export function float32ToBfloat16(
  values: Float32Array,
  out: Uint16Array = new Uint16Array(values.length),
): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let index = 0; index < values.length; index++) {
    const word = bits[index] as number;
    const isNan = (word & 0x7fff_ffff) > 0x7f80_0000;
    out[index] = isNan ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return out;
}

let halves: Float32Array | undefined;

/**
 * The values of all 65,536 half-precision numbers by their bits, f32; made at the first call (256 KiB).
 * A table is the fastest way to read many halves in JavaScript.
 */
export function halfValues(): Float32Array {
  halves ??= Float32Array.from({ length: 65_536 }, (_, bits) => halfToNumber(bits));
  return halves;
}

/** The half-precision number in two bytes, low byte first. */
export function readHalf(bytes: Uint8Array, offset: number): number {
  return halfValues()[(bytes[offset] as number) | ((bytes[offset + 1] as number) << 8)] as number;
}

/** The bits of the half-precision number nearest to a value, ties to even. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65_520) return sign | 0x7c00;
  // Below 2^-14 halves are spaced evenly, as if the exponent were still -14; rounding up may carry into it.
  const exponent = Math.max(-14, size === 0 ? -14 : exponentOf(size));
  const steps = roundToEven(size / 2 ** (exponent - 10));
  return sign | (steps + 1024 * (exponent + 14));
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function exponentOf(size: number): number {
  const guess = Math.floor(Math.log2(size));
  if (2 ** guess > size) return guess - 1;
  return 2 ** (guess + 1) <= size ? guess + 1 : guess;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor + (floor % 2);
  return rest > 0.5 ? floor + 1 : floor;
}

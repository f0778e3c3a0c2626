import { float16ToFloat32, float32ToFloat16 } from "../../../common/half-float.js";
import type { BlockContent } from "../stage-runner.js";
import type { KvShape, NewKv } from "./kv-shape.js";

const largestHalf = 65_504;

/** Puts tokens as a row keeps them into content, from token `first` on. Values beyond f16 are cut to its greatest. */
export function putContent(
  content: BlockContent,
  first: number,
  { values, peaks }: NewKv,
  shape: KvShape,
): void {
  const { kvHeads, headSize } = shape;
  const width = kvHeads * headSize;
  const floats = new Float32Array(width);
  for (let from = 0, lane = 0, token = first; from < values.length; token++) {
    for (const part of content.parts) {
      for (let i = 0; i < width; i++, from++) {
        const factor = peaks === undefined ? 1 : (peaks[lane + Math.floor(i / headSize)] as number) / 127;
        const value = (values[from] as number) * factor;
        floats[i] = Math.min(Math.max(value, -largestHalf), largestHalf);
      }
      float32ToFloat16(floats, part.subarray(token * width, (token + 1) * width));
      lane += kvHeads;
    }
  }
}

/** Tokens of content, `count` from `first` on, as a row keeps them. */
export function takeContent({ parts }: BlockContent, first: number, count: number, shape: KvShape): NewKv {
  const width = shape.kvHeads * shape.headSize;
  const floats = new Float32Array(count * parts.length * width);
  for (let token = 0, to = 0; token < count; token++) {
    for (const part of parts) {
      const from = (first + token) * width;
      float16ToFloat32(part.subarray(from, from + width), floats.subarray(to, to + width));
      to += width;
    }
  }
  return shape.form === "int8" ? rounded(floats, shape.headSize) : { values: floats };
}

/** 127ths of the largest magnitude of each head. */
function rounded(floats: Float32Array, headSize: number): NewKv {
  const values = new Int8Array(floats.length);
  const peaks = new Float32Array(floats.length / headSize);
  for (let lane = 0; lane < peaks.length; lane++) {
    const [from, end] = [lane * headSize, (lane + 1) * headSize];
    let peak = 0;
    for (let i = from; i < end; i++) peak = Math.max(peak, Math.abs(floats[i] as number));
    peaks[lane] = peak;
    if (peak === 0) continue;
    for (let i = from; i < end; i++) values[i] = Math.round(((floats[i] as number) / peak) * 127);
  }
  return { values, peaks };
}

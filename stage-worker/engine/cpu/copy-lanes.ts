/** Memory of KV: floats or levels, of keys from 0 and of values around 0. */
export type KvData = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Int8Array<ArrayBuffer>;

/** Where lanes begin: the first one, and how far the next is. */
export interface LanePlace {
  readonly data: KvData;
  readonly start: number;
  readonly stride: number;
}

/** Copies up to so many elements are done one by one: making a view costs more. */
const shortCopy = 96;

/** Copies `length` elements of each of so many lanes, between memories of one type. */
export function copyLanes(source: LanePlace, target: LanePlace, lanes: number, length: number): void {
  for (let lane = 0; lane < lanes; lane++) {
    const from = source.start + lane * source.stride;
    const to = target.start + lane * target.stride;
    if (length > shortCopy) target.data.set(source.data.subarray(from, from + length), to);
    else for (let i = 0; i < length; i++) target.data[to + i] = source.data[from + i] as number;
  }
}

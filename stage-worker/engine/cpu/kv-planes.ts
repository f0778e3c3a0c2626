import { copyLanes, type KvData } from "./copy-lanes.js";
import { type KvShape, type NewKv, tokenBytes } from "./kv-shape.js";

/**
 * Part of the KV of all rows: `[rows, lanes, capacity, width]`. What a lane holds of one token is `width` elements
 * next to each other.
 */
interface Plane {
  data: KvData;
  readonly lanes: number;
  readonly width: number;
}

/**
 * Memory of KV: rows of `capacity` tokens each, in planes.
 *
 * - keys and values of each layer: `[rows, kvHeads, capacity, headSize]`; in `int8` values are i8 and keys u8 with
 *   128 for 0, as the two sides of an integer product have to be;
 * - in `int8` the scales of all layers, keys' and values' in turn: f32 `[rows, layers * 2 * kvHeads, capacity]`.
 */
export class KvPlanes {
  readonly shape: KvShape;
  /** Keys and values of each layer, in turn. */
  readonly #parts: Plane[];
  /** None in `f32`. */
  readonly #scales: Plane | undefined;
  #rows: number;
  #capacity: number;

  constructor(shape: KvShape, rows = 0, capacity = 0) {
    const { layers, kvHeads, headSize, form } = shape;
    this.shape = shape;
    this.#rows = rows;
    this.#capacity = capacity;
    const buffer = new ArrayBuffer(rows * capacity * tokenBytes(shape));
    const plane = (type: TypedArrays, offset: number, lanes: number, width: number): Plane => ({
      data: new type(buffer, offset, rows * lanes * capacity * width),
      lanes,
      width,
    });
    const lanes = 2 * layers * kvHeads;
    // Scales first: floats have to be aligned.
    this.#scales = form === "f32" ? undefined : plane(Float32Array, 0, lanes, 1);
    const [first, types] =
      form === "f32"
        ? [0, [Float32Array, Float32Array] as const]
        : [rows * lanes * capacity * Float32Array.BYTES_PER_ELEMENT, [Uint8Array, Int8Array] as const];
    const partBytes = rows * kvHeads * capacity * headSize * types[0].BYTES_PER_ELEMENT;
    this.#parts = Array.from({ length: 2 * layers }, (_, part) =>
      plane(types[part % 2] as TypedArrays, first + part * partBytes, kvHeads, headSize),
    );
  }

  /** Rows that there is memory for. */
  get rows(): number {
    return this.#rows;
  }

  /** Tokens that a row can hold. */
  get capacity(): number {
    return this.#capacity;
  }

  get sizeBytes(): number {
    return this.#rows * this.#capacity * tokenBytes(this.shape);
  }

  /** Keys of a layer. */
  keys(layer: number): KvData {
    return (this.#parts[2 * layer] as Plane).data;
  }

  values(layer: number): KvData {
    return (this.#parts[2 * layer + 1] as Plane).data;
  }

  /** In `int8` the scales of all layers; empty in `f32`. */
  scales(): Float32Array {
    return this.#scales?.data instanceof Float32Array ? this.#scales.data : noScales;
  }

  /** Other numbers of rows and tokens; the first `keptRows` keep what fits. One plane at a time is held twice. */
  relayout(keptRows: number, rows: number, capacity: number): void {
    const kept = Math.min(capacity, this.#capacity);
    for (const plane of this.#all()) {
      const { data, lanes, width } = plane;
      const target = emptyLike(data, rows * lanes * capacity * width);
      copyLanes(
        { data, start: 0, stride: this.#capacity * width },
        { data: target, start: 0, stride: capacity * width },
        keptRows * lanes,
        kept * width,
      );
      plane.data = target;
    }
    this.#rows = rows;
    this.#capacity = capacity;
  }

  copyRow(from: number, to: number): void {
    for (const { data, lanes, width } of this.#all()) {
      const size = lanes * this.#capacity * width;
      data.copyWithin(to * size, from * size, (from + 1) * size);
    }
  }

  swapRows(a: number, b: number): void {
    for (const { data, lanes, width } of this.#all()) {
      const size = lanes * this.#capacity * width;
      const kept = data.slice(a * size, (a + 1) * size);
      data.copyWithin(a * size, b * size, (b + 1) * size);
      data.set(kept, b * size);
    }
  }

  /** Copies `count` tokens out of a row of other planes of the same shape. */
  copyTokens(
    other: KvPlanes,
    from: { row: number; token: number },
    to: { row: number; token: number },
    count: number,
  ): void {
    const theirs = [...other.#all()];
    for (const [index, { data, lanes, width }] of [...this.#all()].entries()) {
      const place = (data: KvData, capacity: number, { row, token }: typeof from) => ({
        data,
        start: (row * lanes * capacity + token) * width,
        stride: capacity * width,
      });
      const source = place((theirs[index] as Plane).data, other.#capacity, from);
      copyLanes(source, place(data, this.#capacity, to), lanes, count * width);
    }
  }

  /** New planes of one row: `count` tokens from each of these of the first row on. */
  gather(tokens: readonly number[], count: number): KvPlanes {
    const copy = new KvPlanes(this.shape, 1, tokens.length * count);
    for (const [index, token] of tokens.entries()) {
      copy.copyTokens(this, { row: 0, token }, { row: 0, token: index * count }, count);
    }
    return copy;
  }

  /** Writes new tokens of a sequence into a row. */
  write(row: number, token: number, count: number, { values, peaks }: NewKv): void {
    const { kvHeads, headSize, form } = this.shape;
    let from = 0;
    for (let index = token; index < token + count; index++) {
      for (let part = 0; part < this.#parts.length; part++) {
        const { data } = this.#parts[part] as Plane;
        const zero = form === "int8" && part % 2 === 0 ? 128 : 0;
        for (let head = 0; head < kvHeads; head++, from += headSize) {
          const to = ((row * kvHeads + head) * this.#capacity + index) * headSize;
          for (let i = 0; i < headSize; i++) data[to + i] = (values[from + i] as number) + zero;
        }
      }
    }
    if (peaks !== undefined) this.#writeScales(row, token, count, peaks);
  }

  /** Tokens of a row as they were written. */
  read(row: number, token: number, count: number): NewKv {
    const { layers, kvHeads, headSize, form } = this.shape;
    const size = count * 2 * layers * kvHeads * headSize;
    const values = form === "int8" ? new Int8Array(size) : new Float32Array(size);
    let to = 0;
    for (let index = token; index < token + count; index++) {
      for (let part = 0; part < this.#parts.length; part++) {
        const { data } = this.#parts[part] as Plane;
        const zero = form === "int8" && part % 2 === 0 ? 128 : 0;
        for (let head = 0; head < kvHeads; head++, to += headSize) {
          const from = ((row * kvHeads + head) * this.#capacity + index) * headSize;
          for (let i = 0; i < headSize; i++) values[to + i] = (data[from + i] as number) - zero;
        }
      }
    }
    return form === "int8" ? { values, peaks: this.#readPeaks(row, token, count) } : { values };
  }

  #writeScales(row: number, token: number, count: number, peaks: Float32Array): void {
    const { layers, kvHeads } = this.shape;
    const scales = this.scales();
    const lanes = 2 * layers * kvHeads;
    for (let index = 0; index < count; index++) {
      for (let lane = 0; lane < lanes; lane++) {
        const at = (row * lanes + lane) * this.#capacity + token + index;
        scales[at] = (peaks[index * lanes + lane] as number) * this.#scaleFactor(lane);
      }
    }
  }

  #readPeaks(row: number, token: number, count: number): Float32Array {
    const scales = this.scales();
    const lanes = 2 * this.shape.layers * this.shape.kvHeads;
    const peaks = new Float32Array(count * lanes);
    for (let index = 0; index < count; index++) {
      for (let lane = 0; lane < lanes; lane++) {
        const at = (row * lanes + lane) * this.#capacity + token + index;
        peaks[index * lanes + lane] = (scales[at] as number) / this.#scaleFactor(lane);
      }
    }
    return peaks;
  }

  /** The factors of queries (127 levels, attention's scale) and of shares (255 levels) are in the scales, too. */
  #scaleFactor(lane: number): number {
    const { kvHeads, headSize } = this.shape;
    const isKey = Math.floor(lane / kvHeads) % 2 === 0;
    return isKey ? headSize ** -0.5 / 127 / 127 : 1 / 127 / 255;
  }

  *#all(): Generator<Plane> {
    yield* this.#parts;
    if (this.#scales) yield this.#scales;
  }
}

type TypedArrays = typeof Float32Array | typeof Uint8Array | typeof Int8Array;

const noScales = new Float32Array(0);

function emptyLike(data: KvData, length: number): KvData {
  if (data instanceof Float32Array) return new Float32Array(length);
  return data instanceof Uint8Array ? new Uint8Array(length) : new Int8Array(length);
}

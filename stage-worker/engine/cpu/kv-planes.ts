import type { KvForm } from "../../../model/graph/kv-form.js";

/** What the KV of a token is made of at this stage. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** `int8`: levels of [-127, 127] with an f32 scale a token and head. */
  readonly form: KvForm;
}

/** New tokens of one sequence as the graph returns them, see stage-graph-io.ts; peaks with `int8` only. */
export interface NewKv {
  readonly values: Float32Array | Int8Array;
  readonly peaks?: Float32Array | undefined;
}

export type KvData = Float32Array<ArrayBuffer> | Int8Array<ArrayBuffer>;

/**
 * Part of the KV of all rows of one layer: `[rows, lanes, capacity, width]`. What a lane holds of one token is
 * `width` elements next to each other.
 */
interface Plane {
  data: KvData;
  readonly lanes: number;
  readonly width: number;
}

/** Copies up to so many elements are done one by one: making a view costs more. */
const shortCopy = 96;

/**
 * Memory of KV: rows of `capacity` tokens each, a plane for each part of each layer.
 *
 * - keys: `[rows, kvHeads, capacity, headSize]`, in `int8` `[rows, kvHeads, headSize, capacity]`, which integer
 *   products take as it is;
 * - values: `[rows, kvHeads, capacity, headSize]`;
 * - in `int8` the scales of keys and of values: f32 `[rows, kvHeads, capacity]`.
 */
export class KvPlanes {
  readonly shape: KvShape;
  /** Keys and values of each layer, in turn. */
  readonly #parts: Plane[];
  /** As #parts; none in `f32`. */
  readonly #scales: Plane[];
  #rows: number;
  #capacity: number;
  /** What gatherScales gave last, as long as it is right. */
  #gathered: { readonly rows: number; readonly scales: Float32Array } | undefined;

  constructor(shape: KvShape, rows = 0, capacity = 0) {
    const { layers, kvHeads, headSize, form } = shape;
    this.shape = shape;
    this.#rows = rows;
    this.#capacity = capacity;
    const buffer = new ArrayBuffer(rows * capacity * tokenBytes(shape));
    let offset = 0;
    // Scales first: floats have to be aligned.
    const plane = (type: KvForm, lanes: number, width: number): Plane => {
      const length = rows * lanes * capacity * width;
      const data =
        type === "f32" ? new Float32Array(buffer, offset, length) : new Int8Array(buffer, offset, length);
      offset += data.byteLength;
      return { data, lanes, width };
    };
    const pairs = Array.from({ length: 2 * layers }, (_, part) => part);
    this.#scales = form === "f32" ? [] : pairs.map(() => plane("f32", kvHeads, 1));
    this.#parts = pairs.map((part) =>
      form === "int8" && part % 2 === 0 ? plane(form, kvHeads * headSize, 1) : plane(form, kvHeads, headSize),
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
    return this.#part(2 * layer).data;
  }

  values(layer: number): KvData {
    return this.#part(2 * layer + 1).data;
  }

  /**
   * Scales of the first rows, for keys and values of each layer in turn: `[layers * 2, rows, kvHeads, capacity]`.
   * The same array as long as rows only grow.
   */
  gatherScales(rows: number): Float32Array {
    if (this.#gathered?.rows === rows) return this.#gathered.scales;
    const size = rows * this.shape.kvHeads * this.#capacity;
    const scales = new Float32Array(this.#scales.length * size);
    for (const [index, { data }] of this.#scales.entries()) {
      scales.set(data.subarray(0, size), index * size);
    }
    this.#gathered = { rows, scales };
    return scales;
  }

  /** Other numbers of rows and tokens; the first `keptRows` keep what fits. One plane at a time is held twice. */
  relayout(keptRows: number, rows: number, capacity: number): void {
    this.#gathered = undefined;
    const kept = Math.min(capacity, this.#capacity);
    for (const plane of this.#all()) {
      const { data, lanes, width } = plane;
      const length = rows * lanes * capacity * width;
      const target = data instanceof Float32Array ? new Float32Array(length) : new Int8Array(length);
      const strides = { from: this.#capacity * width, to: capacity * width };
      copyLanes(data, 0, target, 0, strides, keptRows * lanes, kept * width);
      plane.data = target;
    }
    this.#rows = rows;
    this.#capacity = capacity;
  }

  copyRow(from: number, to: number): void {
    this.#gathered = undefined;
    for (const { data, lanes, width } of this.#all()) {
      const size = lanes * this.#capacity * width;
      data.copyWithin(to * size, from * size, (from + 1) * size);
    }
  }

  swapRows(a: number, b: number): void {
    this.#gathered = undefined;
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
    this.#gathered = undefined;
    const theirs = [...other.#all()];
    for (const [index, { data, lanes, width }] of [...this.#all()].entries()) {
      const source = theirs[index] as Plane;
      const strides = { from: other.#capacity * width, to: this.#capacity * width };
      copyLanes(
        source.data,
        from.row * lanes * strides.from + from.token * width,
        data,
        to.row * lanes * strides.to + to.token * width,
        strides,
        lanes,
        count * width,
      );
    }
  }

  /** Writes new tokens of a sequence into a row. */
  write(row: number, token: number, count: number, { values, peaks }: NewKv): void {
    if (peaks === undefined) this.#writeFloats(row, token, count, values as Float32Array);
    else this.#writeLevels(row, token, count, values as Int8Array, peaks);
  }

  /** `[tokens, layers, 2, kvHeads, headSize]` */
  #writeFloats(row: number, token: number, count: number, values: Float32Array): void {
    const { kvHeads, headSize } = this.shape;
    let from = 0;
    for (let index = token; index < token + count; index++) {
      for (const { data } of this.#parts) {
        for (let head = 0; head < kvHeads; head++, from += headSize) {
          const to = ((row * kvHeads + head) * this.#capacity + index) * headSize;
          data.set(values.subarray(from, from + headSize), to);
        }
      }
    }
  }

  /** `[layers, 2, kvHeads, tokens, headSize]`, and peaks `[layers, 2, kvHeads, tokens]` */
  #writeLevels(row: number, token: number, count: number, values: Int8Array, peaks: Float32Array): void {
    const { kvHeads, headSize } = this.shape;
    const capacity = this.#capacity;
    const size = count * headSize;
    // The factors of queries (127 levels, attention's scale) and of shares (255 levels) are in the scales, too.
    const factors = [headSize ** -0.5 / 127 / 127, 1 / 127 / 255];
    for (let part = 0, lane = 0; part < this.#parts.length; part++) {
      const data = this.#part(part).data as Int8Array<ArrayBuffer>;
      const factor = factors[part % 2] as number;
      for (let head = 0; head < kvHeads; head++, lane++) {
        const first = (row * kvHeads + head) * capacity;
        if (part % 2 === 0) {
          transpose(values, lane * size, data, first * headSize + token, capacity, count, headSize);
        } else copyRun(values, lane * size, data, (first + token) * headSize, size);
        for (let i = 0; i < count; i++) {
          this.#setScale(part, row, head, token + i, (peaks[lane * count + i] as number) * factor);
        }
      }
    }
  }

  #setScale(part: number, row: number, head: number, token: number, scale: number): void {
    const { kvHeads } = this.shape;
    const at = (row * kvHeads + head) * this.#capacity + token;
    (this.#scales[part] as Plane).data[at] = scale;
    if (this.#gathered === undefined || row >= this.#gathered.rows) return;
    this.#gathered.scales[part * this.#gathered.rows * kvHeads * this.#capacity + at] = scale;
  }

  #part(index: number): Plane {
    return this.#parts[index] as Plane;
  }

  *#all(): Generator<Plane> {
    yield* this.#parts;
    yield* this.#scales;
  }
}

/** Bytes of one token in a row. */
export function tokenBytes({ layers, kvHeads, headSize, form }: KvShape): number {
  const perHead = form === "int8" ? headSize + Float32Array.BYTES_PER_ELEMENT : 4 * headSize;
  return 2 * layers * kvHeads * perHead;
}

function copyLanes(
  source: KvData,
  sourceStart: number,
  target: KvData,
  targetStart: number,
  strides: { from: number; to: number },
  lanes: number,
  length: number,
): void {
  let [from, to] = [sourceStart, targetStart];
  for (let lane = 0; lane < lanes; lane++, from += strides.from, to += strides.to) {
    copyRun(source, from, target, to, length);
  }
}

function copyRun(source: KvData | Int8Array, from: number, target: KvData, to: number, length: number): void {
  if (length > shortCopy) target.set(source.subarray(from, from + length), to);
  else for (let i = 0; i < length; i++) target[to + i] = source[from + i] as number;
}

/** `[tokens, headSize]` into columns of `[headSize, capacity]`. */
function transpose(
  source: Int8Array,
  from: number,
  target: Int8Array,
  to: number,
  capacity: number,
  tokens: number,
  headSize: number,
): void {
  for (let element = 0; element < headSize; element++) {
    const column = to + element * capacity;
    for (let token = 0; token < tokens; token++) {
      target[column + token] = source[from + token * headSize + element] as number;
    }
  }
}

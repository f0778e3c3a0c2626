/** What the KV of a token is made of at this stage. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
}

/** Keys and values of one layer: each f32 `[rows, kvHeads, capacity, headSize]`, of which the first rows are used. */
export interface LayerKv {
  readonly keys: Float32Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
}

interface Row {
  readonly sequenceId: number;
  /** Tokens that it holds. */
  length: number;
}

/** Capacity changes in steps of so many tokens: attention reads the whole capacity every step. */
const capacityStep = 32;

/** Rows kept free, so that a sequence that joins seldom moves all others. */
const spareRows = 2;

/**
 * KV of sequences that are computed together: a row each, rows next to each other, so that the first n
 * rows are an input for ONNX Runtime without a copy. All rows have one capacity in tokens.
 */
export class KvArena {
  readonly shape: KvShape;
  readonly #rows: Row[] = [];
  readonly #layers: LayerKv[];
  #rowLimit = 0;
  #capacity = 0;
  #version = 0;

  constructor(shape: KvShape) {
    this.shape = shape;
    this.#layers = Array.from({ length: shape.layers }, () => ({
      keys: new Float32Array(0),
      values: new Float32Array(0),
    }));
  }

  /** The sequence in a row. */
  sequenceAt(row: number): number | undefined {
    return this.#rows[row]?.sequenceId;
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  /** Tokens that a row can hold. */
  get capacity(): number {
    return this.#capacity;
  }

  /** Changes whenever `layers` are other arrays than before or have another capacity. */
  get version(): number {
    return this.#version;
  }

  get layers(): readonly LayerKv[] {
    return this.#layers;
  }

  /** Elements of one row of one layer's keys. */
  get rowSize(): number {
    return this.shape.kvHeads * this.#capacity * this.shape.headSize;
  }

  get sizeBytes(): number {
    return 2 * Float32Array.BYTES_PER_ELEMENT * this.shape.layers * this.#rowLimit * this.rowSize;
  }

  /** Makes room for so many more rows and in each for so many tokens; gives back what is far more than needed. */
  fit(room: { rows?: number; tokens: number }): void {
    const tokens = Math.max(room.tokens, ...this.#rows.map(({ length }) => length));
    const rows = this.#rows.length + (room.rows ?? 0);
    const wasted =
      this.#rowLimit > rows + 2 * spareRows || this.#capacity >= roundUp(tokens) + 2 * capacityStep;
    if (wasted) this.#relayout(withSpare(rows), roundUp(tokens));
    else this.#grow(rows, tokens);
  }

  /** Adds a row for a sequence that has no tokens yet. */
  add(sequenceId: number): void {
    this.#grow(this.#rows.length + 1, 0);
    this.#rows.push({ sequenceId, length: 0 });
  }

  /** Copies a sequence of another arena into a new row. */
  adopt(sequenceId: number, from: KvArena): void {
    const fromRow = from.#rows.findIndex((row) => row.sequenceId === sequenceId);
    const { length } = from.#rows[fromRow] as Row;
    this.#grow(this.#rows.length + 1, length);
    const { kvHeads, headSize } = this.shape;
    this.#layers.forEach(({ keys, values }, index) => {
      const other = from.#layers[index] as LayerKv;
      for (let head = 0; head < kvHeads; head++) {
        const start = (fromRow * kvHeads + head) * from.#capacity * headSize;
        const target = (this.#rows.length * kvHeads + head) * this.#capacity * headSize;
        keys.set(other.keys.subarray(start, start + length * headSize), target);
        values.set(other.values.subarray(start, start + length * headSize), target);
      }
    });
    this.#rows.push({ sequenceId, length });
  }

  /** Takes a sequence out; the last row moves into its place. */
  remove(sequenceId: number): void {
    const row = this.#rows.findIndex((candidate) => candidate.sequenceId === sequenceId);
    const last = this.#rows.pop();
    if (!last) return;
    if (last.sequenceId !== sequenceId) {
      this.#rows[row] = last;
      this.#copyRow(this.#rows.length, row);
    }
    if (this.#rows.length === 0) this.#relayout(0, 0);
  }

  /** Orders rows so that these sequences have the first ones, in any order. */
  bringToFront(sequenceIds: ReadonlySet<number>): void {
    let next = 0;
    for (let row = 0; row < this.#rows.length; row++) {
      if (!sequenceIds.has((this.#rows[row] as Row).sequenceId)) continue;
      if (row !== next) this.#swapRows(row, next);
      next++;
    }
  }

  /** Appends new tokens `[tokens, layers, 2, kvHeads, headSize]` to a row; `fit` made room for them. */
  append(row: number, newKv: Float32Array): void {
    const { layers, kvHeads, headSize } = this.shape;
    const tokens = newKv.length / (layers * 2 * kvHeads * headSize);
    const entry = this.#rows[row] as Row;
    let from = 0;
    for (let token = 0; token < tokens; token++) {
      const start = (row * kvHeads * this.#capacity + entry.length + token) * headSize;
      for (const { keys, values } of this.#layers) {
        from = this.#writeHeads(keys, start, newKv, from);
        from = this.#writeHeads(values, start, newKv, from);
      }
    }
    entry.length += tokens;
  }

  #writeHeads(target: Float32Array, start: number, newKv: Float32Array, first: number): number {
    const { kvHeads, headSize } = this.shape;
    let from = first;
    for (let head = 0; head < kvHeads; head++, from += headSize) {
      target.set(newKv.subarray(from, from + headSize), start + head * this.#capacity * headSize);
    }
    return from;
  }

  #grow(rows: number, tokens: number): void {
    if (rows <= this.#rowLimit && tokens <= this.#capacity) return;
    const rowLimit = rows <= this.#rowLimit ? this.#rowLimit : withSpare(rows);
    this.#relayout(rowLimit, Math.max(this.#capacity, roundUp(tokens)));
  }

  /** One layer at a time, so that at most one layer is held twice. */
  #relayout(rowLimit: number, capacity: number): void {
    const { kvHeads, headSize } = this.shape;
    const heads = this.#rows.length * kvHeads;
    const [from, to] = [this.#capacity * headSize, capacity * headSize];
    const moved = (part: Float32Array<ArrayBuffer>) => {
      const target = new Float32Array(rowLimit * kvHeads * to);
      for (let head = 0; head < heads; head++) {
        target.set(part.subarray(head * from, head * from + Math.min(from, to)), head * to);
      }
      return target;
    };
    for (const [index, { keys, values }] of this.#layers.entries()) {
      this.#layers[index] = { keys: moved(keys), values: moved(values) };
    }
    this.#rowLimit = rowLimit;
    this.#capacity = capacity;
    this.#version++;
  }

  #copyRow(from: number, to: number): void {
    const size = this.rowSize;
    for (const { keys, values } of this.#layers) {
      keys.copyWithin(to * size, from * size, (from + 1) * size);
      values.copyWithin(to * size, from * size, (from + 1) * size);
    }
  }

  #swapRows(a: number, b: number): void {
    const size = this.rowSize;
    for (const { keys, values } of this.#layers) {
      for (const part of [keys, values]) {
        const kept = part.slice(a * size, (a + 1) * size);
        part.copyWithin(a * size, b * size, (b + 1) * size);
        part.set(kept, b * size);
      }
    }
    const [rowA, rowB] = [this.#rows[a] as Row, this.#rows[b] as Row];
    this.#rows[a] = rowB;
    this.#rows[b] = rowA;
  }
}

function roundUp(tokens: number): number {
  return Math.ceil(tokens / capacityStep) * capacityStep;
}

/** A single row is a prompt being read: nobody joins it. */
function withSpare(rows: number): number {
  return rows <= 1 ? rows : rows + spareRows;
}

import { KvPlanes } from "./kv-planes.js";
import type { KvShape, NewKv } from "./kv-shape.js";

interface Row {
  readonly sequenceId: number;
  /** Tokens that it holds. */
  length: number;
}

/**
 * Capacity changes in steps of so many tokens at least, and of a sixteenth to an eighth of it: attention reads the
 * whole capacity every step, and each change moves all rows.
 */
const leastStep = 32;

/** Rows kept free, so that a sequence that joins seldom moves all others. */
const spareRows = 2;

/**
 * KV of sequences that are computed together: a row each, rows next to each other, so that the first n
 * rows are an input for ONNX Runtime without a copy. All rows have one capacity in tokens.
 */
export class KvArena {
  readonly planes: KvPlanes;
  readonly #rows: Row[] = [];
  #version = 0;

  constructor(shape: KvShape) {
    this.planes = new KvPlanes(shape);
  }

  get shape(): KvShape {
    return this.planes.shape;
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
    return this.planes.capacity;
  }

  /** Changes whenever the planes are other arrays than before or have another capacity. */
  get version(): number {
    return this.#version;
  }

  get sizeBytes(): number {
    return this.planes.sizeBytes;
  }

  /** Makes room for so many more rows and in each for so many tokens; gives back what is far more than needed. */
  fit(room: { rows?: number; tokens: number }): void {
    const tokens = Math.max(room.tokens, ...this.#rows.map(({ length }) => length));
    const rows = this.#rows.length + (room.rows ?? 0);
    const wasted =
      this.planes.rows > rows + 2 * spareRows || this.capacity >= roundUp(tokens) + 2 * stepAt(tokens);
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
    const fromRow = from.rowOf(sequenceId);
    const { length } = from.#rows[fromRow] as Row;
    this.#grow(this.#rows.length + 1, length);
    const row = this.#rows.length;
    this.planes.copyTokens(from.planes, { row: fromRow, token: 0 }, { row, token: 0 }, length);
    this.#rows.push({ sequenceId, length });
  }

  /** Takes a sequence out; the last row moves into its place. */
  remove(sequenceId: number): void {
    const row = this.rowOf(sequenceId);
    const last = this.#rows.pop();
    if (!last) return;
    if (last.sequenceId !== sequenceId) {
      this.#rows[row] = last;
      this.planes.copyRow(this.#rows.length, row);
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

  /** Appends new tokens to a row. */
  append(row: number, tokens: number, newKv: NewKv): void {
    const entry = this.#rows[row] as Row;
    this.#grow(this.#rows.length, entry.length + tokens);
    this.planes.write(row, entry.length, tokens, newKv);
    entry.length += tokens;
  }

  /** Appends tokens out of a row of planes of the same shape. */
  appendFrom(
    sequenceId: number,
    planes: KvPlanes,
    from: { row: number; token: number },
    tokens: number,
  ): void {
    const row = this.rowOf(sequenceId);
    const entry = this.#rows[row] as Row;
    this.#grow(this.#rows.length, entry.length + tokens);
    this.planes.copyTokens(planes, from, { row, token: entry.length }, tokens);
    entry.length += tokens;
  }

  /** A copy of `size` tokens of a sequence from `token` on, as far as they are there. */
  copyTokens(sequenceId: number, token: number, size: number): KvPlanes {
    const row = this.rowOf(sequenceId);
    const { length } = this.#rows[row] as Row;
    const copy = new KvPlanes(this.shape, 1, size);
    const count = Math.max(0, Math.min(size, length - token));
    copy.copyTokens(this.planes, { row, token }, { row: 0, token: 0 }, count);
    return copy;
  }

  rowOf(sequenceId: number): number {
    return this.#rows.findIndex((row) => row.sequenceId === sequenceId);
  }

  #grow(rows: number, tokens: number): void {
    if (rows <= this.planes.rows && tokens <= this.capacity) return;
    const rowLimit = rows <= this.planes.rows ? this.planes.rows : withSpare(rows);
    this.#relayout(rowLimit, Math.max(this.capacity, roundUp(tokens)));
  }

  #relayout(rows: number, capacity: number): void {
    this.planes.relayout(this.#rows.length, rows, capacity);
    this.#version++;
  }

  #swapRows(a: number, b: number): void {
    this.planes.swapRows(a, b);
    const [rowA, rowB] = [this.#rows[a] as Row, this.#rows[b] as Row];
    this.#rows[a] = rowB;
    this.#rows[b] = rowA;
  }
}

function roundUp(tokens: number): number {
  const step = stepAt(tokens);
  return Math.ceil(tokens / step) * step;
}

function stepAt(tokens: number): number {
  return Math.max(leastStep, 2 ** Math.floor(Math.log2(Math.max(1, tokens) / 8)));
}

/** A single row is a prompt being read: nobody joins it. */
function withSpare(rows: number): number {
  return rows <= 1 ? rows : rows + spareRows;
}

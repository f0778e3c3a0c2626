import { StagecoachError } from "../../../common/errors.js";
import { KvArena } from "./kv-arena.js";
import type { KvPlanes } from "./kv-planes.js";
import type { KvShape } from "./kv-shape.js";

/** Sequences up to so many tokens are decoded together whatever their lengths; beyond, like with like. */
const smallestGroupTokens = 512;

/** Sequences in the first rows of an arena. */
export interface RowGroup {
  readonly arena: KvArena;
  /** By row. */
  readonly sequenceIds: readonly number[];
}

/**
 * Where the KV of each sequence lies. A decoding sequence has a row in an arena of its lane. All rows of an
 * arena are as long as the longest, in memory and in time, so a lane has one arena for each doubling of the
 * length. A sequence that takes a longer slice (its prompt) has an arena to itself.
 */
export class KvRows {
  readonly shape: KvShape;
  readonly #arenas = new Map<number, KvArena>();
  readonly #lanes = new Map<string, KvArena>();

  constructor(shape: KvShape) {
    this.shape = shape;
  }

  /** Bytes held now. */
  get sizeBytes(): number {
    let bytes = 0;
    for (const arena of new Set(this.#arenas.values())) bytes += arena.sizeBytes;
    return bytes;
  }

  /** Puts sequences that each take one token into rows of a lane, with room for that token. */
  decodeGroups(lane: number, sequences: readonly { id: number; length: number }[]): RowGroup[] {
    const groups = new Map<KvArena, { ids: Set<number>; tokens: number }>();
    for (const { id, length } of sequences) {
      const arena = this.#laneArena(lane, length + 1);
      const { ids, tokens } = groups.get(arena) ?? { ids: new Set(), tokens: 0 };
      groups.set(arena, { ids: ids.add(id), tokens: Math.max(tokens, length + 1) });
    }
    return [...groups].map(([arena, { ids, tokens }]) => this.#gather(arena, ids, tokens));
  }

  /**
   * Puts sequences that each take a chunk into rows of an arena that a lane has for this. Groups of one batch are
   * told apart by their index: what one gathers must not move the rows of another.
   */
  chunkGroup(lane: number, index: number, sequences: readonly { id: number; length: number }[]): RowGroup {
    const arena = this.#sharedArena(`${lane}/chunks ${index}`);
    const tokens = Math.max(1, ...sequences.map(({ length }) => length));
    return this.#gather(arena, new Set(sequences.map(({ id }) => id)), tokens);
  }

  /**
   * Puts a sequence into row 0 of an arena of its own that holds `context` tokens. Arenas of f32 get room for
   * `tokens` altogether, and for more where the sequence is known to become longer: the next chunks then find
   * their place. Those of int8 grow when tokens are appended, since all of an arena is read.
   */
  alone(sequenceId: number, context: number, tokens: number, expectedTokens: number): KvArena {
    const arena = this.#ownArena(sequenceId);
    const room = Math.max(tokens, Math.min(expectedTokens, 2 * tokens));
    arena.fit({ tokens: this.shape.form === "int8" ? Math.max(1, context) : room });
    return arena;
  }

  /** Appends tokens to a sequence: those of other planes' first row from `token` on. */
  appendPlanes(sequenceId: number, planes: KvPlanes, token: number, tokens: number): void {
    this.#ownArena(sequenceId).appendFrom(sequenceId, planes, { row: 0, token }, tokens);
  }

  /** Appends tokens to a sequence: those of another one from `token` on. */
  appendShared(sequenceId: number, holder: number, token: number, tokens: number): void {
    const source = this.#arenas.get(holder);
    if (source === undefined) throw unknownSequence(holder);
    const row = source.rowOf(holder);
    this.#ownArena(sequenceId).appendFrom(sequenceId, source.planes, { row, token }, tokens);
  }

  /** A copy of `size` tokens of a sequence from `token` on, as far as they are there. */
  copyTokens(sequenceId: number, token: number, size: number): KvPlanes {
    const arena = this.#arenas.get(sequenceId);
    if (arena === undefined) throw unknownSequence(sequenceId);
    return arena.copyTokens(sequenceId, token, size);
  }

  /** Frees sequences; those that never had a token have nothing to free. */
  close(sequenceIds: readonly number[]): void {
    for (const sequenceId of sequenceIds) {
      this.#arenas.get(sequenceId)?.remove(sequenceId);
      this.#arenas.delete(sequenceId);
    }
    for (const [key, arena] of this.#lanes) if (arena.rowCount === 0) this.#lanes.delete(key);
  }

  #ownArena(sequenceId: number): KvArena {
    const current = this.#arenas.get(sequenceId);
    const ownsOne = current !== undefined && !this.#isLane(current);
    const arena = ownsOne ? current : new KvArena(this.shape);
    this.#move(sequenceId, arena);
    return arena;
  }

  #move(sequenceId: number, arena: KvArena): void {
    const current = this.#arenas.get(sequenceId);
    if (current === arena) return;
    if (current) {
      arena.adopt(sequenceId, current);
      current.remove(sequenceId);
    } else {
      arena.add(sequenceId);
    }
    this.#arenas.set(sequenceId, arena);
  }

  #gather(arena: KvArena, ids: ReadonlySet<number>, tokens: number): RowGroup {
    const joining = [...ids].filter((id) => this.#arenas.get(id) !== arena);
    arena.fit({ rows: joining.length, tokens });
    for (const id of joining) this.#move(id, arena);
    arena.bringToFront(ids);
    return { arena, sequenceIds: Array.from(ids, (_, row) => arena.sequenceAt(row) as number) };
  }

  #laneArena(lane: number, tokens: number): KvArena {
    const doublings = Math.max(0, Math.ceil(Math.log2(tokens / smallestGroupTokens)));
    return this.#sharedArena(`${lane}/${doublings}`);
  }

  #sharedArena(key: string): KvArena {
    const known = this.#lanes.get(key);
    if (known) return known;
    const arena = new KvArena(this.shape);
    this.#lanes.set(key, arena);
    return arena;
  }

  #isLane(arena: KvArena): boolean {
    for (const candidate of this.#lanes.values()) if (candidate === arena) return true;
    return false;
  }
}

function unknownSequence(sequenceId: number): StagecoachError {
  return new StagecoachError("INTERNAL", `sequence ${sequenceId} has no KV at this stage`);
}

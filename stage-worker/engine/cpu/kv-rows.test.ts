import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../test/fixtures/random.js";
import { KvArena, type KvShape } from "./kv-arena.js";
import { KvRows } from "./kv-rows.js";

const shape: KvShape = { layers: 2, kvHeads: 2, headSize: 4 };
const tokenSize = shape.layers * 2 * shape.kvHeads * shape.headSize;

describe("rows of KV", () => {
  it.each([1, 2, 3])("keep every sequence's tokens through random traffic, seed %d", (seed) => {
    const random = seededRandom(seed);
    const pick = (below: number) => Math.floor(random() * below);
    const kv = new KvRows(shape);
    const lengths = new Map<number, number>();
    for (let step = 0, nextId = 1; step < 300; step++) {
      const ids = [...lengths.keys()];
      const action = pick(10);
      if (action < 2 && ids.length < 12) {
        lengths.set(nextId++, 0);
      } else if (action === 2 && ids.length > 0) {
        const id = ids[pick(ids.length)] as number;
        kv.close([id]);
        lengths.delete(id);
      } else if (action < 5 && ids.length > 0) {
        readPrompt(kv, lengths, ids[pick(ids.length)] as number, 2 + pick(step % 50 === 0 ? 600 : 40));
      } else {
        decode(
          kv,
          lengths,
          pick(2),
          ids.filter(() => random() < 0.7),
        );
      }
    }
    kv.close([...lengths.keys()]);
    expect(kv.sizeBytes).toBe(0);
  });

  it("decodes sequences of very different lengths in different arenas, like ones in one", () => {
    const kv = new KvRows(shape);
    const lengths = new Map([1, 2, 3, 4].map((id) => [id, 0]));
    readPrompt(kv, lengths, 1, 600);
    readPrompt(kv, lengths, 2, 900);
    readPrompt(kv, lengths, 3, 5);
    const groups = kv.decodeGroups(
      0,
      [1, 2, 3, 4].map((id) => ({ id, length: lengths.get(id) ?? 0 })),
    );
    expect(groups.map(({ sequenceIds }) => [...sequenceIds].sort())).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(groups.map(({ arena }) => arena.capacity)).toEqual([928, 32]);
  });

  it("gives memory back when the longest sequences leave", () => {
    const kv = new KvRows(shape);
    const lengths = new Map(Array.from({ length: 12 }, (_, id) => [id, 0]));
    for (const id of lengths.keys()) readPrompt(kv, lengths, id, id < 2 ? 500 : 10);
    decode(kv, lengths, 0, [...lengths.keys()]);
    const full = kv.sizeBytes;
    kv.close([0, 1, 2, 3, 4, 5]);
    decode(kv, lengths, 0, [6, 7, 8, 9, 10, 11]);
    expect(kv.sizeBytes).toBeLessThan(full / 10);
  });
});

describe("an arena", () => {
  it("stays within twice what its rows hold, but for a step", () => {
    const arena = new KvArena(shape);
    arena.fit({ rows: 8, tokens: 100 });
    expect(arena.capacity).toBe(128);
    arena.add(1);
    expect(arena.sizeBytes).toBe(10 * 128 * tokenSize * 4);
    arena.fit({ tokens: 1 });
    expect(arena.sizeBytes).toBe(32 * tokenSize * 4);
  });
});

/** Reads a chunk of a prompt and checks what lies in the sequence's row afterwards. */
function readPrompt(kv: KvRows, lengths: Map<number, number>, id: number, tokens: number): void {
  const length = lengths.get(id) ?? 0;
  const arena = kv.alone(id, length + tokens, 100);
  expect(arena.sequenceAt(0)).toBe(id);
  expect(arena.capacity).toBeGreaterThanOrEqual(length + tokens);
  arena.append(0, tokensOf(id, length, tokens));
  lengths.set(id, length + tokens);
  expectRow(arena, 0, id, length + tokens);
}

/** Decodes one token each and checks the rows. */
function decode(kv: KvRows, lengths: Map<number, number>, lane: number, ids: readonly number[]): void {
  const groups = kv.decodeGroups(
    lane,
    ids.map((id) => ({ id, length: lengths.get(id) ?? 0 })),
  );
  expect(groups.flatMap(({ sequenceIds }) => sequenceIds).sort()).toEqual([...ids].sort());
  for (const { arena, sequenceIds } of groups) {
    sequenceIds.forEach((id, row) => {
      const length = lengths.get(id) ?? 0;
      expect(arena.sequenceAt(row)).toBe(id);
      expect(arena.capacity).toBeGreaterThan(length);
      arena.append(row, tokensOf(id, length, 1));
      lengths.set(id, length + 1);
    });
    sequenceIds.forEach((id, row) => {
      expectRow(arena, row, id, lengths.get(id) ?? 0);
    });
  }
}

/** `[tokens, layers, 2, kvHeads, headSize]`, every element different from all others that a test makes. */
function tokensOf(id: number, first: number, tokens: number): Float32Array {
  return Float32Array.from(
    { length: tokens * tokenSize },
    (_, i) => (id % 64) * 65_536 + first * tokenSize + i,
  );
}

function expectRow(arena: KvArena, row: number, id: number, length: number): void {
  const { kvHeads, headSize } = shape;
  const expected = tokensOf(id, 0, length);
  let wrong = 0;
  arena.layers.forEach((layer, index) => {
    [layer.keys, layer.values].forEach((part, which) => {
      for (let i = 0; i < length * kvHeads * headSize; i++) {
        const token = Math.floor(i / (kvHeads * headSize));
        const [head, element] = [Math.floor(i / headSize) % kvHeads, i % headSize];
        const at = ((row * kvHeads + head) * arena.capacity + token) * headSize + element;
        const from = (((token * shape.layers + index) * 2 + which) * kvHeads + head) * headSize + element;
        if (part[at] !== expected[from]) wrong++;
      }
    });
  });
  expect({ id, wrong }).toEqual({ id, wrong: 0 });
}

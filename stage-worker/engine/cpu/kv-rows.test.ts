import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../test/fixtures/random.js";
import { KvArena } from "./kv-arena.js";
import type { KvPlanes } from "./kv-planes.js";
import { KvRows } from "./kv-rows.js";
import type { KvShape, NewKv } from "./kv-shape.js";

const shape: KvShape = { layers: 2, kvHeads: 2, headSize: 4, form: "f32" };
const int8: KvShape = { ...shape, form: "int8" };
const tokenSize = shape.layers * 2 * shape.kvHeads * shape.headSize;

describe("rows of KV", () => {
  it.each([
    [shape, 1],
    [shape, 2],
    [int8, 3],
    [int8, 4],
  ])("keep every sequence's tokens through random traffic, %j, seed %d", (shape, seed) => {
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
      } else if (action === 3 && ids.length > 0 && ids.length < 12) {
        const [source, tokens] = [ids[pick(ids.length)] as number, pick(50)];
        const length = Math.min(tokens, lengths.get(source) ?? 0);
        if (length > 0) sharePrefix(kv, lengths, source, nextId++, length, random() < 0.5);
      } else if (action < 6 && ids.length > 0) {
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
    expect(groups.map(({ arena }) => arena.capacity)).toEqual([960, 32]);
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
  const arena = kv.alone(id, length, length + tokens, 100);
  expect(arena.sequenceAt(0)).toBe(id);
  expect(arena.capacity).toBeGreaterThanOrEqual(Math.max(1, length));
  arena.append(0, tokens, tokensOf(arena.shape, id, length, tokens));
  lengths.set(id, length + tokens);
  expectRow(arena.planes, 0, id, length + tokens);
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
      arena.append(row, 1, tokensOf(arena.shape, id, length, 1));
      lengths.set(id, length + 1);
    });
    sequenceIds.forEach((id, row) => {
      expectRow(arena.planes, row, id, lengths.get(id) ?? 0);
    });
  }
}

/** Begins a sequence with tokens of another, out of its row or out of copies, and goes on with what both have. */
function sharePrefix(
  kv: KvRows,
  lengths: Map<number, number>,
  source: number,
  id: number,
  length: number,
  copied: boolean,
): void {
  for (let token = 0; token < length; token += 16) {
    const tokens = Math.min(16, length - token);
    if (copied) kv.appendPlanes(id, kv.copyTokens(source, token, 16), 0, tokens);
    else kv.appendShared(id, source, token, tokens);
  }
  expectRow(kv.alone(id, length, length, length).planes, 0, source, length);
  kv.close([id]);
  lengths.delete(id);
}

/** A number that hardly any other element has; in int8 its lowest byte, and for peaks one a head. */
function elementOf(id: number, token: number, part: number, head: number, element: number): number {
  return (((id % 64) * 1024 + token) * 8 + part * 2 + head) * 4 + element;
}

function peakOf(id: number, token: number, part: number, head: number): number {
  return 1 + elementOf(id, token, part, head, 0) / 2 ** 24;
}

function byteOf(value: number): number {
  return ((Math.imul(value, 0x9e37_79b1) >>> 24) % 255) - 127;
}

/** New tokens as the graph returns them in this form. */
function tokensOf(
  { layers, kvHeads, headSize, form }: KvShape,
  id: number,
  first: number,
  tokens: number,
): NewKv {
  const indexes = (length: number) => Array.from({ length }, (_, index) => index);
  const parts = indexes(layers * 2);
  if (form === "f32") {
    const values = indexes(tokens).flatMap((token) =>
      parts.flatMap((part) =>
        indexes(kvHeads).flatMap((head) =>
          indexes(headSize).map((element) => elementOf(id, first + token, part, head, element)),
        ),
      ),
    );
    return { values: Float32Array.from(values) };
  }
  const heads = indexes(tokens).flatMap((token) =>
    parts.flatMap((part) => indexes(kvHeads).map((head) => ({ part, head, token: first + token }))),
  );
  return {
    values: Int8Array.from(
      heads.flatMap(({ part, head, token }) =>
        indexes(headSize).map((element) => byteOf(elementOf(id, token, part, head, element))),
      ),
    ),
    peaks: Float32Array.from(heads.map(({ part, head, token }) => peakOf(id, token, part, head))),
  };
}

function expectRow(planes: KvPlanes, row: number, id: number, length: number): void {
  const { layers, kvHeads, headSize, form } = planes.shape;
  const { capacity } = planes;
  const scales = planes.scales();
  let wrong = 0;
  for (let part = 0; part < layers * 2; part++) {
    const keys = part % 2 === 0;
    const data = keys ? planes.keys(part / 2) : planes.values((part - 1) / 2);
    const factor = keys ? headSize ** -0.5 / 127 ** 2 : 1 / (127 * 255);
    for (let head = 0; head < kvHeads; head++) {
      const lane = row * kvHeads + head;
      for (let token = 0; token < length; token++) {
        for (let element = 0; element < headSize; element++) {
          const expected = elementOf(id, token, part, head, element);
          const at = (lane * capacity + token) * headSize + element;
          const stored = form === "f32" ? expected : byteOf(expected) + (keys ? 128 : 0);
          if (data[at] !== stored) wrong++;
        }
        if (form === "f32") continue;
        const scale = scales[((row * layers * 2 + part) * kvHeads + head) * capacity + token] as number;
        if (Math.abs(scale / factor / peakOf(id, token, part, head) - 1) > 1e-6) wrong++;
      }
    }
  }
  expect({ id, wrong }).toEqual({ id, wrong: 0 });
}

import { describe, expect, it } from "vitest";
import { groupChunks } from "./group-chunks.js";

const chunk = (context: number, length: number) => ({ context, length });

describe("groups of chunks", () => {
  it("hold those that are as long and begin at the same place", () => {
    const chunks = [chunk(0, 64), chunk(0, 64), chunk(0, 64), chunk(0, 64)];
    expect(groupChunks(chunks)).toEqual([chunks]);
  });

  it("hold those that differ by a few tokens, whatever their order", () => {
    const chunks = [chunk(3, 33), chunk(0, 30), chunk(0, 27)];
    expect(groupChunks(chunks)).toEqual([[chunk(0, 27), chunk(0, 30), chunk(3, 33)]]);
  });

  it("part a short chunk from a long one, and a first one from a late one", () => {
    expect(groupChunks([chunk(0, 2), chunk(0, 128)])).toHaveLength(2);
    expect(groupChunks([chunk(0, 32), chunk(500, 32)])).toHaveLength(2);
  });

  it("are none without chunks", () => {
    expect(groupChunks([])).toEqual([]);
  });
});

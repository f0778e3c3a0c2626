import { expect, test } from "vitest";
import { keepArchitecture } from "./keep-architecture.js";

const headerBytes = 64;

/** An entry of a group of GPU programs. */
function entry(kind: number, architecture: number, payload: string): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16LE(kind);
  header.writeUInt32LE(headerBytes, 4);
  header.writeBigUInt64LE(BigInt(payload.length), 8);
  header.writeUInt32LE(architecture, 28);
  return Buffer.concat([header, Buffer.from(payload)]);
}

function group(...entries: Buffer[]): Buffer {
  const body = Buffer.concat(entries);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(0xba55ed50);
  header.writeUInt16LE(1, 4);
  header.writeUInt16LE(16, 6);
  header.writeBigUInt64LE(BigInt(body.length), 8);
  return Buffer.concat([header, body]);
}

test("only machine code for one architecture is kept, all else of a library stays", () => {
  const library = Buffer.concat([
    Buffer.from("before"),
    group(entry(2, 80, "code for 80"), entry(2, 90, "code for 90"), entry(1, 90, "assembly")),
    Buffer.from("between"),
    group(entry(2, 90, "more for 90")),
    Buffer.from("after"),
  ]);
  const length = library.length;
  expect(keepArchitecture(library, 90)).toEqual({ keptBytes: 22, blankedBytes: 19 });
  const text = library.toString("latin1");
  for (const kept of ["before", "code for 90", "between", "more for 90", "after"])
    expect(text).toContain(kept);
  for (const blanked of ["code for 80", "assembly"]) expect(text).not.toContain(blanked);
  expect(library).toHaveLength(length);
});

test("what only looks like a group is left alone", () => {
  const cut = group(entry(2, 80, "code for 80")).subarray(0, 60);
  const before = Buffer.from(cut);
  expect(keepArchitecture(cut, 90)).toEqual({ keptBytes: 0, blankedBytes: 0 });
  expect(cut).toEqual(before);
});

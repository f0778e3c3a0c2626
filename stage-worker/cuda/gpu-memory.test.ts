import { expect, test } from "vitest";
import { describeHolders, parseMemory } from "./gpu-memory.js";

const mebibyte = 2 ** 20;

test("memory is told, and who has it, this process apart", () => {
  const holders =
    "77, 512, /usr/bin/node\n1234, 70000, /opt/a, b/python3\n99, [N/A], [Insufficient Permissions]\n";
  const memory = parseMemory("81559, 9000\n", holders, 77);
  expect(memory).toEqual({
    totalBytes: 81_559 * mebibyte,
    freeBytes: 9_000 * mebibyte,
    ownBytes: 512 * mebibyte,
    others: [
      { processId: 1234, name: "/opt/a, b/python3", bytes: 70_000 * mebibyte },
      { processId: 99, name: "[Insufficient Permissions]" },
    ],
  });
  expect(describeHolders(memory.others)).toBe(
    "process 1234 (python3) holds 68.4 GiB, process 99 ([Insufficient Permissions]) holds memory",
  );
});

test("nobody else, and a process that the driver does not know", () => {
  expect(parseMemory("100, 50", "", 1)).toEqual({
    totalBytes: 100 * mebibyte,
    freeBytes: 50 * mebibyte,
    others: [],
  });
  expect(parseMemory("100, 50", "No running processes found\n", 1).others).toEqual([]);
  expect(() => parseMemory("[N/A], [N/A]", "", 1)).toThrow('nvidia-smi says "[N/A], [N/A]"');
});

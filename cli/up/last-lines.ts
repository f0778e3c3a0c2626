import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { isErrno } from "../../model/store/disk.js";

const maxTailBytes = 16_384;

/** The last few lines of a text file, without reading all of it; empty when there is none. */
export function lastLines(path: string, count: number): string {
  const tail = readTail(path).trimEnd();
  return tail === "" ? "" : tail.split("\n").slice(-count).join("\n");
}

function readTail(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if (isErrno(error, "ENOENT")) return "";
    throw error;
  }
  try {
    const { size } = fstatSync(file);
    const tail = Buffer.alloc(Math.min(size, maxTailBytes));
    const read = readSync(file, tail, 0, tail.length, size - tail.length);
    return tail.toString("utf8", 0, read);
  } finally {
    closeSync(file);
  }
}

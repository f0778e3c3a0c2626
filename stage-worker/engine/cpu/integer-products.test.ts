import { expect, test } from "vitest";
import { flagsAreSafe } from "./integer-products.js";

test.each([
  ["flags\t\t: fpu avx2 avx512f avx512bw avx512_vnni\n", true],
  ["model name\t: x\nflags\t\t: fpu avx2 avx_vnni\nbugs\t\t: none\n", true],
  ["flags\t\t: fpu avx2 avx512f avx512bw\nvmx flags\t: avx512_vnni\n", false],
  ["flags\t\t: fpu avx2 avx512_vnni_like\n", false],
  ["", false],
])("products of bytes are exact by %j: %s", (cpuInfo, safe) => {
  expect(flagsAreSafe(cpuInfo)).toBe(safe);
});

import { readFileSync } from "node:fs";

/** Names in /proc/cpuinfo of what adds products of bytes in 32 bits. */
const exactFlags = ["avx512_vnni", "avx_vnni", "amx_int8"];

/**
 * Whether this processor multiplies u8 by i8 without overflow. x64 without VNNI adds pairs of products in 16 bits,
 * which saturate from 129 * 127 on; ONNX Runtime then has a slower exact way. Where it cannot be known, no.
 */
export function hasSafeIntegerProducts(): boolean {
  if (process.arch !== "x64") return true;
  if (process.platform !== "linux") return false;
  return flagsAreSafe(readFileSync("/proc/cpuinfo", "utf8"));
}

/** As hasSafeIntegerProducts, for the content of an x64 machine's /proc/cpuinfo. */
export function flagsAreSafe(cpuInfo: string): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuInfo)?.[1]?.split(" ") ?? [];
  return exactFlags.some((flag) => flags.includes(flag));
}

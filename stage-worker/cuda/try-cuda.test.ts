import { expect, test } from "vitest";
import { type CudaTrial, cudaTrialProblem } from "./try-cuda.js";

const python = { processId: 12, name: "/usr/bin/python3", bytes: 70 * 2 ** 30 };

function trial(said: string | undefined, others = [python]): CudaTrial {
  return {
    probe: async () => said,
    memory: async () => ({ totalBytes: 2 ** 37, freeBytes: 2 ** 20, others }),
  };
}

test("nothing is wrong with a GPU that computes", async () => {
  expect(await cudaTrialProblem(0, trial(undefined))).toBeUndefined();
});

test.each([
  [
    "CUDA failure 46: CUDA-capable device(s) is/are busy or unavailable ; GPU=1",
    /lets no more processes in.*--compute-mode=DEFAULT`; process 12 \(python3\) holds 70\.0 GiB$/,
  ],
  [
    "CUDA failure 2: out of memory ; GPU=1",
    /^the memory of cuda:1 is full: end what has it; process 12 \(python3\) holds 70\.0 GiB$/,
  ],
  [
    "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
    /too old for CUDA 13: install version 580/,
  ],
  [
    "Failed to load shared library: libcublasLt.so.13 is not found",
    /^libcublasLt\.so\.13 is not found; the CUDA provider or a library/,
  ],
  ["trying it out ended with SIGSEGV", /^cuda:1 does not compute \(trying it out ended with SIGSEGV\)/],
])("%s", async (said, problem) => {
  expect(await cudaTrialProblem(1, trial(said))).toMatch(problem);
});

test("a driver that does not tell who has memory hides nothing", async () => {
  const silent: CudaTrial = {
    ...trial("odd"),
    memory: async () => {
      throw new Error("cannot tell");
    },
  };
  expect(await cudaTrialProblem(0, silent)).toBe("cuda:0 does not compute (odd); cannot tell");
});

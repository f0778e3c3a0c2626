import { expect, test } from "vitest";
import { batchOf } from "../../../test/fixtures/stage-fixtures.js";
import { isDeviceLost } from "../device-failure.js";
import { DeviceRuns } from "./device-runs.js";

const batch = batchOf([
  { id: 3, context: 6 },
  { id: 4, length: 2 },
]);

/** A run that fails like this, on a device that is alive or not. */
function failing(message: string, alive: boolean): Promise<unknown> {
  const run = () => Promise.reject(new Error(message));
  return new DeviceRuns({ run }, { device: "CUDA device 0", alive: async () => alive }).run({}, [], batch);
}

test("no memory names what was to be computed and the way out", async () => {
  await expect(
    failing("Failed to allocate memory for requested buffer of size 42", true),
  ).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: expect.stringMatching(
      /3 tokens of sequences 3, 4, up to 7 tokens long, on CUDA device 0 \(Failed.* 42\):.*--kv-cache-memory.*--max-batch-tokens/,
    ),
  });
});

test.each([
  ["CUDA failure 700: an illegal memory access was encountered", true],
  ["something odd", false],
])("%s on a device that is alive: %s, is a lost device", async (message, alive) => {
  const reason = await failing(message, alive).catch((error: unknown) => error);
  expect(isDeviceLost(reason)).toBe(true);
  expect(reason).toMatchObject({ code: "UNAVAILABLE", message: `CUDA device 0 is lost: ${message}` });
});

test("an unknown failure on a device that is alive costs its sequences only", async () => {
  const reason = await failing("something odd", true).catch((error: unknown) => error);
  expect(isDeviceLost(reason)).toBe(false);
  expect(reason).toMatchObject({ code: "INTERNAL", message: "cannot compute sequences 3, 4: something odd" });
});

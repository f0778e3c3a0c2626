import { expect, test } from "vitest";
import { batchOf } from "../../../test/fixtures/stage-fixtures.js";
import { isDeviceLost } from "../device-failure.js";
import { DeviceRuns } from "./device-runs.js";

const batch = batchOf([
  { id: 3, context: 6 },
  { id: 4, length: 2 },
]);

/** Runs whose errors are these, one after another; undefined is a run that succeeds. */
function runsThatSay(...messages: (string | undefined)[]): () => Promise<unknown> {
  const run = async () => {
    const message = messages.shift();
    if (message !== undefined) throw new Error(message);
    return {};
  };
  const runs = new DeviceRuns({ run }, "CUDA device 0");
  return () => runs.run({}, [], batch);
}

test("no memory names what was to be computed and the way out", async () => {
  const run = runsThatSay("Failed to allocate memory for requested buffer of size 42");
  await expect(run()).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: expect.stringMatching(
      /3 tokens of sequences 3, 4, up to 7 tokens long, on CUDA device 0 \(Failed.* 42\):.*--kv-cache-memory.*--max-batch-tokens/,
    ),
  });
});

test("a lost device is told at once", async () => {
  const reason = await runsThatSay("CUDA failure 700: an illegal memory access was encountered")().catch(
    (error: unknown) => error,
  );
  expect(isDeviceLost(reason)).toBe(true);
  expect(reason).toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("CUDA device 0 is lost"),
  });
});

test("three unknown failures in a row are a lost device; one success between them is not", async () => {
  const run = runsThatSay("odd", "odd", undefined, "odd", "odd", "odd");
  const outcomes: string[] = [];
  for (let step = 0; step < 6; step++) {
    outcomes.push(
      await run().then(
        () => "done",
        (error: unknown) => (isDeviceLost(error) ? "lost" : "failed"),
      ),
    );
  }
  expect(outcomes).toEqual(["failed", "failed", "done", "failed", "failed", "lost"]);
});

import { expect, test } from "vitest";
import { generateLoad } from "./load-generator.js";
import { makeWorkload, type WorkloadRequest } from "./workload.js";

const workload = makeWorkload({
  requests: 9,
  promptTokens: 4,
  outputTokens: 3,
  vocabularySize: 2000,
  seed: 1,
});
const signal = new AbortController().signal;

test("every request is sent once, never more at once than allowed", async () => {
  const seen: WorkloadRequest[] = [];
  let running = 0;
  let most = 0;
  const times = await generateLoad(
    workload,
    async function* (request) {
      seen.push(request);
      most = Math.max(most, ++running);
      for (let token = 0; token < request.outputTokens; token++) {
        await Promise.resolve();
        yield token;
      }
      running--;
    },
    { concurrency: 4, signal },
  );
  expect(most).toBe(4);
  expect(new Set(seen).size).toBe(9);
  expect(times).toHaveLength(9);
  expect(times.every((each) => each.tokensMs.length === 3 && each.promptTokens === 4)).toBe(true);
});

test("a short answer fails the run, since its figures would be wrong", async () => {
  const run = generateLoad(
    workload,
    async function* () {
      yield 1;
    },
    { concurrency: 2, signal },
  );
  await expect(run).rejects.toThrow("a request for 3 tokens gave 1");
});

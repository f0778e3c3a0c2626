import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Plan } from "../../coordinator/planner/types.js";
import { delayProxy, freePort } from "../fixtures/delay-proxy.js";
import {
  generate,
  startCoordinator,
  startWorker,
  statusWhere,
  type TestCoordinator,
} from "../fixtures/local-cluster.js";
import { type Scope, testScope } from "../fixtures/scope.js";
import { newHome, runCli } from "../fixtures/spawn-cli.js";

/** So long that what the processes themselves take, on a busy machine too, hardly shows. */
function timesOf(layerMs: number) {
  return {
    layerDecode: { alphaMs: 4 * layerMs, betaMs: layerMs },
    layerPrefill: { alphaMs: layerMs, betaMs: 0.1 },
    embedding: { alphaMs: 1, betaMs: 0 },
    head: { alphaMs: 4 * layerMs, betaMs: layerMs },
  };
}

async function simulation(scope: Scope, layerMs: number): Promise<readonly string[]> {
  const path = join((await newHome(scope)).root, "simulation.json");
  await writeFile(path, JSON.stringify(timesOf(layerMs)));
  return ["--device", "simulated", "--simulation", path];
}

async function planOf(scope: Scope, { grpc, home }: TestCoordinator): Promise<Plan> {
  const { stdout } = await runCli(["plan", "--grpc", grpc, "--json"], { scope, home });
  return JSON.parse(stdout) as Plan;
}

/** Decodes with so many requests at once, and divides what the coordinator counted by what it predicted. */
async function achievedShare(
  { client }: TestCoordinator,
  concurrency: number,
  tokensEach: number,
): Promise<number> {
  const request = { prompt: "Once upon", options: { ignoreEos: true, maxTokens: tokensEach } };
  await Promise.all(Array.from({ length: concurrency }, () => generate(client, request)));
  const { decodeRates } = await statusWhere({ client }, ({ requestsRunning }) => requestsRunning === 0);
  const rate = decodeRates.find((each) => each.concurrency === concurrency);
  return (rate?.achievedTokensPerSecond ?? Number.NaN) / (rate?.predictedTokensPerSecond ?? Number.NaN);
}

describe("simulated stages decode as predicted", () => {
  const cases = [
    { name: "even stages", layerMs: 6, lastFlags: [], delayed: false, lanes: 2 },
    {
      name: "one stage throttled to a third",
      layerMs: 3,
      lastFlags: ["--throttle", "3"],
      delayed: false,
      lanes: 2,
    },
    { name: "links of 5 ms each way", layerMs: 4, lastFlags: [], delayed: true, lanes: 3 },
  ];
  test.each(cases)(
    "$name: within a tenth at 1, 4 and 16 requests in $lanes lanes",
    async ({ layerMs, lastFlags, delayed, lanes }) => {
      const scope = testScope();
      const device = await simulation(scope, layerMs);
      const flags = ["--stages", "2", "--expected-workers", "2", "--max-num-seqs", "16"];
      const coordinator = await startCoordinator(scope, flags);
      for (const [index, more] of [[], lastFlags].entries()) {
        const port = await freePort();
        const way = delayed
          ? ["--listen", `127.0.0.1:${port}`, "--advertise", await delayProxy(scope, port, 5)]
          : [];
        await startWorker(scope, coordinator, `w${index}`, { flags: [...device, ...more, ...way] });
      }
      await statusWhere(coordinator, ({ state }) => state === "SERVING");
      const plan = await planOf(scope, coordinator);
      expect(plan.laneCount).toBe(lanes);
      expect(plan.predictions.map(({ concurrency }) => concurrency)).toEqual([1, 2, 4, 8, 16]);
      const shares = {
        1: await achievedShare(coordinator, 1, 16),
        4: await achievedShare(coordinator, 4, 14),
        16: await achievedShare(coordinator, 16, 12),
      };
      for (const [concurrency, share] of Object.entries(shares)) {
        expect(share, `${concurrency} of ${JSON.stringify(shares)}`).toBeGreaterThan(0.9);
        expect(share, `${concurrency} of ${JSON.stringify(shares)}`).toBeLessThan(1.1);
      }
      const { stdout } = await runCli(["plan", "--grpc", coordinator.grpc], {
        scope,
        home: coordinator.home,
      });
      expect(
        stdout.match(/^Decoding: +(1|4|16) at once .* predicted, achieved .* tok\/s \(\d+ %\)$/gm),
      ).toHaveLength(3);
    },
  );
});

test("a worker that would slow the pipeline down holds no stage, and the plan says what it would cost", async () => {
  const scope = testScope();
  const device = await simulation(scope, 2);
  const coordinator = await startCoordinator(scope, ["--expected-workers", "3", "--max-num-seqs", "16"]);
  for (const [workerId, throttle] of Object.entries({ w0: "1", w1: "1", slow: "20" }))
    await startWorker(scope, coordinator, workerId, { flags: [...device, "--throttle", throttle] });
  const { workers } = await statusWhere(coordinator, ({ state }) => state === "SERVING");
  const idle = workers.filter(({ stageIndex }) => stageIndex === undefined).map(({ workerId }) => workerId);
  expect(idle).toEqual(["slow"]);
  const { leftOut } = await planOf(scope, coordinator);
  expect(leftOut).toEqual([
    {
      workerId: "slow",
      reason: expect.stringMatching(/^decoding would fall from \d+ to \d+(\.\d)? tok\/s with it$/),
    },
  ]);
  expect(await achievedShare(coordinator, 16, 12)).toBeGreaterThan(0.9);
});

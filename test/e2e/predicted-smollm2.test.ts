import { expect, test } from "vitest";
import type { Plan } from "../../coordinator/planner/types.js";
import { generate, startUp, statusWhere } from "../fixtures/local-cluster.js";
import { testScope } from "../fixtures/scope.js";
import { runCli } from "../fixtures/spawn-cli.js";
import { defaultModelPath } from "./default-model.js";

/**
 * Machines that run tests are busy with others, so this only tells a model of the costs that misses half of them
 * (as one did that timed layers in a cache) from one that does not; docs/performance.md has what an idle one gives.
 */
const bounds = [0.6, 1.6] as const;

test("two real stages decode about as predicted, with 1, 4 and 16 requests", async ({ skip }) => {
  const scope = testScope();
  const flags = ["--stages", "2", "--max-num-seqs", "16", "--max-context", "512"];
  const model = [defaultModelPath, "--variant", "as-is"];
  const { client, grpc, home } = await startUp(scope, flags, { model });
  const { stdout } = await runCli(["plan", "--grpc", grpc, "--json"], { scope, home });
  const unsteady = (JSON.parse(stdout) as Plan).remarks.some((remark) => remark.includes("unsteady"));
  if (unsteady) skip("this machine is too busy to measure it");

  const request = {
    prompt: "The train to the north leaves at seven and crosses three rivers on its way. ".repeat(8),
    options: { ignoreEos: true, maxTokens: 48 },
  };
  for (const concurrency of [1, 4, 16]) {
    await Promise.all(Array.from({ length: concurrency }, () => generate(client, request)));
    const { decodeRates } = await statusWhere({ client }, ({ requestsRunning }) => requestsRunning === 0);
    const rate = decodeRates.find((each) => each.concurrency === concurrency);
    const share = (rate?.achievedTokensPerSecond ?? 0) / (rate?.predictedTokensPerSecond ?? Number.NaN);
    expect(share, `${concurrency} at once`).toBeGreaterThan(bounds[0]);
    expect(share, `${concurrency} at once`).toBeLessThan(bounds[1]);
  }
});

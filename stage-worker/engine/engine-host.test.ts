import { expect, test } from "vitest";
import { batchOf, opening, runnerOptions } from "../../test/fixtures/stage-fixtures.js";
import { EngineHost } from "./engine-host.js";
import type { EngineResult } from "./engine-messages.js";
import { instantSimulation } from "./simulated-runner.js";

const spec = {
  device: "simulated" as const,
  options: runnerOptions({ head: false }),
  simulation: instantSimulation,
};

/** Collects results and resolves when so many are here. */
function collector() {
  const results: EngineResult[] = [];
  let wanted = Number.POSITIVE_INFINITY;
  let wake = (): void => {};
  let broke = (_reason: unknown): void => {};
  return {
    results,
    listeners: {
      onResult: (result: EngineResult) => {
        results.push(result);
        if (results.length >= wanted) wake();
      },
      onBroken: (reason: unknown) => broke(reason),
    },
    until: (count: number) =>
      new Promise<void>((resolve, reject) => {
        wanted = count;
        wake = resolve;
        broke = reject;
        if (results.length >= count) resolve();
      }),
  };
}

test("frames go to the engine's thread and results come back, by transfer", async () => {
  const { results, listeners, until } = collector();
  const engine = await EngineHost.start(spec, listeners, new AbortController().signal);
  expect(engine.blockCount).toBe(8);
  engine.submit({ kind: "open", openings: [opening(1, 3, { logitBias: new Map([[5, 1]]) })] });
  const tokenIds = Uint32Array.of(5, 6, 7);
  const batch = batchOf([{ id: 1, length: 3, blocks: [2] }]);
  engine.submit({ kind: "forward", batch, input: { kind: "tokens", tokenIds }, sentAtUs: 0 });
  expect(tokenIds.length).toBe(0);
  await until(2);
  const output = results[1]?.output;
  expect(output?.kind === "hidden" && output.hidden).toEqual(new Float32Array(3 * 64));
  const { times, ...facts } = engine.stats();
  expect(facts).toMatchObject({ steps: 1, tokens: 3, blocksUsed: 1, sequences: 1 });
  expect(times.busy).toBeGreaterThan(0);
  await engine.close();
});

test("a runner that cannot be made is told by its own error", async () => {
  const { listeners } = collector();
  const options = { ...runnerOptions(), manifest: undefined as never };
  const start = EngineHost.start({ ...spec, options }, listeners, new AbortController().signal);
  await expect(start).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringMatching(/manifest|config|undefined/),
  });
});

test("starting ends with the signal", async () => {
  const controller = new AbortController();
  const start = EngineHost.start(spec, collector().listeners, controller.signal);
  controller.abort(new Error("replaced"));
  await expect(start).rejects.toThrow("replaced");
});

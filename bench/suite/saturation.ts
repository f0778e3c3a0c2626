import type { ClusterSpec } from "../clusters.js";
import { type BenchTarget, clusterRunner } from "../load-runner.js";
import type { Column } from "../report.js";
import { type StageShares, stageShares } from "../stage-shares.js";
import { summarize } from "../statistics.js";
import { makeWorkload, warmUpOf } from "../workload.js";
import { atLeast, withUnit } from "./figure.js";
import {
  type Measured,
  medianOf,
  oneThread,
  type Scenario,
  type SuiteContext,
  scaled,
  twoStages,
} from "./scenario.js";
import { withTwoClusters } from "./with-servers.js";

const rowsAStage = 16;
const promptTokens = 32;
const outputTokens = 192;
const target = 0.95;

/** Of a device whose stages need no processor, so that only what lies between them is measured. */
const layerDecode = { alphaMs: 0.6, betaMs: 0.02 };
const simulation = {
  layerDecode,
  layerPrefill: { alphaMs: 0.6, betaMs: 0.01 },
  embedding: { alphaMs: 0, betaMs: 0 },
  head: { alphaMs: 0, betaMs: 0 },
} as const;

/**
 * Two stages against the sum of what each alone can do. Alone means: the whole model in one stage of one thread,
 * with as many rows a micro-batch as each of the two stages gets, nothing else running.
 */
export const saturation: Scenario = {
  name: "saturation",
  title: `Two stages with ${2 * rowsAStage} requests against twice one stage with ${rowsAStage}`,
  run: (context) =>
    withTwoClusters(context, [twoStages, oneThread], async (staged, alone) => {
      const { columns, stages } = await measureBoth(context, staged, alone);
      const [both, one] = columns.map((column) => medianOf(column, (each) => each.decodeTokensPerSecond)) as [
        number,
        number,
      ];
      const detail = `${both.toFixed(1)} of 2 · ${one.toFixed(1)} tok/s`;
      const name = "saturation, of the sum of the stages alone";
      return {
        figures: [atLeast(target, { name, reached: both / (2 * one), unit: "x", detail })],
        columns,
        stages,
        notes: [],
      };
    }),
};

/** The same with a simulated engine, whose sum is known exactly. */
export const simulatedSaturation: Scenario = {
  name: "saturation-simulated",
  title: `Two simulated stages with ${2 * rowsAStage} requests against what their times allow`,
  run: (context) => {
    const simulated = (spec: ClusterSpec): ClusterSpec => ({
      ...spec,
      name: `simulated-${spec.name}`,
      simulation,
    });
    return withTwoClusters(context, [simulated(twoStages), simulated(oneThread)], async (staged, alone) => {
      const { columns, stages } = await measureBoth(context, staged, alone);
      const [both, one] = columns.map((column) => medianOf(column, (each) => each.decodeTokensPerSecond)) as [
        number,
        number,
      ];
      const layers = await layersOf(staged);
      const stepMs = layers * (layerDecode.alphaMs + layerDecode.betaMs * rowsAStage);
      const sum = (2 * rowsAStage * 1000) / stepMs;
      return {
        figures: [
          atLeast(target, {
            name: "saturation, simulated, of the sum of the stages alone",
            reached: both / sum,
            unit: "x",
            detail: `${both.toFixed(1)} of ${sum.toFixed(1)} tok/s`,
          }),
        ],
        columns,
        stages,
        notes: [
          `${layers} layers of ${withUnit(stepMs / layers, "ms")} with ${rowsAStage} rows; one simulated stage alone reached ${one.toFixed(1)} tok/s of ${(sum / 2).toFixed(1)}.`,
        ],
      };
    });
  },
};

async function measureBoth(
  context: SuiteContext,
  staged: BenchTarget,
  alone: BenchTarget,
): Promise<Pick<Measured, "columns" | "stages">> {
  const servers = [
    { target: staged, requests: 2 * rowsAStage, runner: clusterRunner("two stages", staged, context.signal) },
    {
      target: alone,
      requests: rowsAStage,
      runner: clusterRunner("one stage, one thread", alone, context.signal),
    },
  ];
  const rounds = servers.map((): Column["rounds"][number][] => []);
  let stages: readonly StageShares[] = [];
  for (let round = 1; round <= context.rounds; round++) {
    for (const [index, { target: cluster, requests, runner }] of servers.entries()) {
      context.onProgress(`round ${round} of ${context.rounds}: ${runner.name}`);
      const workload = makeWorkload({
        requests,
        promptTokens: scaled(context, promptTokens),
        outputTokens: scaled(context, outputTokens),
        vocabularySize: cluster.vocabularySize,
        seed: round,
      });
      await runner.run({ workload: warmUpOf(workload, 4), concurrency: requests });
      const before = await cluster.status();
      rounds[index]?.push(summarize(await runner.run({ workload, concurrency: requests })));
      if (cluster === staged) stages = stageShares(before, await cluster.status());
    }
  }
  return {
    columns: servers.map(({ runner }, index) => ({ name: runner.name, rounds: rounds[index] ?? [] })),
    stages,
  };
}

async function layersOf(cluster: BenchTarget): Promise<number> {
  const { workers } = await cluster.status();
  return workers.reduce(
    (sum, { stage }) => sum + (stage === null ? 0 : stage.endLayer - stage.firstLayer),
    0,
  );
}

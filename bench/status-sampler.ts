import { setTimeout as pause } from "node:timers/promises";
import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { BenchTarget } from "./load-runner.js";
import { median } from "./statistics.js";

const sampleEveryMs = 500;

/** Runs `body` and collects the cluster's status twice a second meanwhile. */
export async function withStatusSamples<Result>(
  target: BenchTarget,
  body: () => Promise<Result>,
): Promise<{ result: Result; samples: readonly ClusterStatus__Output[] }> {
  const samples: ClusterStatus__Output[] = [];
  const done = new AbortController();
  const sampling = sampleUntil(target, samples, done.signal);
  try {
    const result = await body();
    return { result, samples };
  } finally {
    done.abort();
    await sampling;
  }
}

/** The longest of the stages' hops, each the median of its samples, ms; NaN where none was told. */
export function slowestHopMs(samples: readonly ClusterStatus__Output[]): number {
  const hopsUs = new Map<string, number[]>();
  for (const { workerId, stage } of samples.flatMap(({ workers }) => workers)) {
    if (stage === null || stage.hopP50Us <= 0) continue;
    hopsUs.set(workerId, [...(hopsUs.get(workerId) ?? []), stage.hopP50Us]);
  }
  return hopsUs.size === 0 ? Number.NaN : Math.max(...Array.from(hopsUs.values(), median)) / 1000;
}

async function sampleUntil(
  target: BenchTarget,
  samples: ClusterStatus__Output[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    samples.push(await target.status());
    // The end of the body may come in the middle of a pause, and need not wait for it.
    await pause(sampleEveryMs, undefined, { signal }).catch(() => undefined);
  }
}

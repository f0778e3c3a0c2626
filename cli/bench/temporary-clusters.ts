import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import type { ClusterSpec, WithClusters } from "../../bench/clusters.js";
import type { BenchTarget } from "../../bench/load-runner.js";
import { settings } from "../../common/config-settings.js";
import type { Home } from "../../common/home.js";
import { withClient } from "../client.js";
import { homeOf, readSettings } from "../setting-options.js";
import { withTemporaryCluster } from "../up/temporary-cluster.js";
import { type UpSettings, upSettings } from "../up/up-settings.js";
import { targetOf } from "./bench-target.js";

/**
 * Starts clusters on this machine for benchmarks: several may run at once, each with a state folder of its own in
 * the command's home, whose models and blobs they share.
 */
export function temporaryClusters(command: Command, signal: AbortSignal): WithClusters {
  const home = homeOf(command);
  return (specs, body) => startNext(command, home, signal, specs, [], body);
}

/** Whether this version can batch statically, for a column to compare with. */
export function knowsStaticBatching(): boolean {
  return Object.hasOwn(settings, "batching");
}

async function startNext<Result>(
  command: Command,
  home: Home,
  signal: AbortSignal,
  [spec, ...left]: readonly ClusterSpec[],
  targets: readonly BenchTarget[],
  body: (targets: readonly BenchTarget[]) => Promise<Result>,
): Promise<Result> {
  if (spec === undefined) return await body(targets);
  const state = join(home.state, "bench", spec.name);
  const values = await settingsOf(command, state, spec);
  return await withTemporaryCluster({ ...home, state }, values, signal, ({ grpc, http }) =>
    withClient(grpc, async (client) => {
      const target = await targetOf(client, http);
      return await startNext(command, home, signal, left, [...targets, target], body);
    }),
  );
}

async function settingsOf(command: Command, state: string, spec: ClusterSpec): Promise<UpSettings> {
  const { stages, threads, batching, maxNumSeqs, maxContext } = spec;
  return readSettings(command, upSettings, {
    http: "127.0.0.1:0",
    grpc: "127.0.0.1:0",
    nats: "off",
    stages,
    threads,
    ...(batching !== undefined && { batching }),
    ...(maxNumSeqs !== undefined && { maxNumSeqs }),
    ...(maxContext !== undefined && { maxContext }),
    ...(spec.simulation !== undefined && (await simulatedDevice(state, spec.simulation))),
  });
}

async function simulatedDevice(
  state: string,
  times: NonNullable<ClusterSpec["simulation"]>,
): Promise<{ device: string; simulation: string }> {
  await mkdir(state, { recursive: true });
  const path = join(state, "simulation.json");
  await writeFile(path, JSON.stringify(times));
  return { device: "simulated", simulation: path };
}

import type { Command } from "commander";
import type { SettingName, SettingValues } from "../common/config.js";
import type { Home } from "../common/home.js";
import { hasParent, reportProgress, reportReady } from "../common/parent-watch.js";
import { createProgressLine, type ProgressLine } from "./progress-line.js";
import { serveUntilEnded } from "./serve.js";
import { addSettings, homeOf, readSettings } from "./setting-options.js";
import { describeProcess, writeClusterFile } from "./state/cluster-file.js";
import { withHome } from "./state/with-home.js";

/** The settings of a coordinator; `up` hands them on. */
export const coordinatorSettings = [
  "home",
  "model",
  "variant",
  "activationDtype",
  "http",
  "grpc",
  "nats",
  "cluster",
  "stages",
  "replicas",
  "routing",
  "expectedWorkers",
  "maxNumSeqs",
  "maxBatchTokens",
  "maxWaiting",
  "maxWaitingTokens",
  "targetItlMs",
  "batching",
  "prefixCache",
  "maxContext",
  "blockSize",
  "logLevel",
  "stopTimeoutMs",
] as const satisfies readonly SettingName[];

type Settings = SettingValues<(typeof coordinatorSettings)[number]>;

export function register(program: Command): void {
  const command = program
    .command("coordinator")
    .description("run a coordinator: it plans over the workers that join, and serves gRPC and HTTP")
    .argument("[model]", "name or path; the same as --model");
  addSettings(command, coordinatorSettings)
    .addHelpText(
      "after",
      `
Examples:
  $ stagecoach coordinator --expected-workers 2 --grpc 10.0.0.1:7070
  $ stagecoach coordinator --replicas 2 --stages 2 --routing least-connections
  $ stagecoach worker --join 10.0.0.1:7070        on each of the two machines
`,
    )
    .action(async (model: string | undefined) => {
      const values = readSettings(command, coordinatorSettings, model === undefined ? {} : { model });
      const home = homeOf(command);
      if (hasParent()) await serve(home, values, (line) => reportProgress(line));
      else await withHome(home, () => serve(home, values, plainProgress().say));
    });
}

/** A server's stderr is a log also on a terminal: nothing there is overwritten. */
function plainProgress(): ProgressLine {
  return createProgressLine({ write: (text) => process.stderr.write(text) });
}

async function serve(home: Home, values: Settings, onProgress: (line: string) => void): Promise<void> {
  // Loaded only here: other commands need neither the pipeline nor the model's libraries.
  const { runCoordinator } = await import("../coordinator/run-coordinator.js");
  const natsUrl = values.nats === "auto" || values.nats === "off" ? undefined : values.nats;
  // `up` has settled what its workers compute on; whoever else joins is not known yet.
  const variantBy = hasParent() ? "start" : "workers";
  const running = await runCoordinator({ ...values, home, natsUrl, onProgress, variantBy });
  const { httpAddress: http, grpcAddress: grpc } = running;
  if (hasParent()) {
    reportReady({ http, grpc });
  } else {
    await recordCoordinator(home, values, { http, grpc, ...(natsUrl !== undefined && { nats: natsUrl }) });
    process.stderr.write(`HTTP listens on ${http}, gRPC on ${grpc}\n`);
  }
  await serveUntilEnded(running, values.stopTimeoutMs);
}

async function recordCoordinator(
  home: Home,
  { cluster, model, variant }: Settings,
  addresses: { http: string; grpc: string; nats?: string },
): Promise<void> {
  const owner = await describeProcess("coordinator", process.pid);
  if (owner === undefined) return;
  await writeClusterFile(home, {
    formatVersion: 1,
    owner,
    processes: [],
    cluster,
    model,
    variant,
    ...addresses,
  });
}

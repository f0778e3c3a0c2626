import type { Command } from "commander";
import type { Home } from "../common/home.js";
import { createProgressLine } from "./progress-line.js";
import { askedToEnd } from "./serve.js";
import { addSettings, homeOf, readSettings } from "./setting-options.js";
import { withHome } from "./state/with-home.js";
import { type RunningLocalCluster, startCluster } from "./up/start-cluster.js";
import { type UpSettings, upSettings } from "./up/up-settings.js";

export function register(program: Command): void {
  const command = program
    .command("up")
    .description("run a whole cluster on this machine: coordinator, workers and, where installed, NATS")
    .argument("[model]", "name or path; the same as --model");
  addSettings(command, upSettings)
    .addHelpText(
      "after",
      `
Stays in the foreground; Ctrl-C or \`stagecoach down\` ends everything. The processes log to state/logs in
the home.

With one device every stage has a process of its own. A list has a stage on each of its devices: NVIDIA GPUs are in
one process then, which hands activations over in memory, unless there are replicas; others have one each.

Examples:
  $ stagecoach up
  $ stagecoach up --stages 3 --threads 2 --variant f32
  $ stagecoach up --replicas 2 --stages 1 --threads 1
  $ stagecoach up --device cuda:0,cuda:1
  $ stagecoach up ./model.gguf --http 0.0.0.0:8080 --nats nats://10.0.0.5:4222
`,
    )
    .action((model: string | undefined) =>
      up(command, readSettings(command, upSettings, model === undefined ? {} : { model })),
    );
}

async function up(command: Command, values: UpSettings): Promise<void> {
  const home = homeOf(command);
  const asked = askedToEnd();
  await withHome(home, async (lost) => {
    const interrupted = new AbortController();
    void asked.then(() => interrupted.abort());
    const signal = AbortSignal.any([interrupted.signal, lost]);
    const cluster = await start(home, values, signal);
    // When this process is ended by force, a second Ctrl-C say, its children go with it.
    process.once("exit", () => cluster.kill());
    describe(cluster, values);
    const broken = await Promise.race([cluster.broken, aborted(signal)]);
    say(broken === undefined ? "ending everything" : "a process ended unexpectedly; ending the others");
    await cluster.stop();
    if (broken !== undefined) throw broken;
    if (lost.aborted) throw lost.reason;
  });
}

async function start(home: Home, values: UpSettings, signal: AbortSignal): Promise<RunningLocalCluster> {
  const progress = createProgressLine();
  const onLoss = (lines: string): void => {
    progress.end();
    say(lines);
  };
  try {
    return await startCluster({ home, values, signal, onProgress: progress.say, onLoss });
  } finally {
    progress.end();
  }
}

function describe(cluster: RunningLocalCluster, values: UpSettings): void {
  const lines = [
    `${values.model} is served by ${servedBy(cluster.workerCount, values.replicas)}`,
    `  HTTP    http://${cluster.http}`,
    `  gRPC    ${cluster.grpc}`,
    `  events  ${cluster.nats ?? cluster.events}`,
    `  logs    ${cluster.logFolder}`,
    "Ctrl-C ends everything.",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function servedBy(workerCount: number, replicas: number): string {
  if (replicas === 1) return `${workerCount} stages`;
  const stages = workerCount / replicas;
  return `${replicas} replicas of ${stages} ${stages === 1 ? "stage" : "stages"}`;
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

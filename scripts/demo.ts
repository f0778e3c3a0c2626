import { setMaxListeners } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Conversation } from "../cli/chat/conversation.js";
import { writeAnswer } from "../cli/chat/terminal-chat.js";
import { type Client, replies, unary, withClient } from "../cli/client.js";
import { describeEvent } from "../cli/describe-event.js";
import { createProgressLine } from "../cli/progress-line.js";
import { reportError } from "../cli/report-error.js";
import { askedToEnd } from "../cli/serve.js";
import { withHome } from "../cli/state/with-home.js";
import { renderTable } from "../cli/table.js";
import { type RunningLocalCluster, startCluster } from "../cli/up/start-cluster.js";
import { upSettings } from "../cli/up/up-settings.js";
import { compileConfig } from "../common/config.js";
import { subscribeEvents } from "../common/events/subscribe-events.js";
import { homeAt } from "../common/home.js";
import { packageRoot } from "../common/package-root.js";
import { renderPlan } from "../coordinator/planner/render-plan.js";
import type { Plan } from "../coordinator/planner/types.js";
import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { PlanReply__Output } from "../proto/gen/stagecoach/v1/PlanReply.js";

/** `npm run demo`: two stages as two processes, a plan from measurements, text, and health over NATS. */
const question = "Why do people travel by train? Answer in two sentences.";
const crowd = { requests: 16, tokens: 32 };
const healthLines = 4;
/** Kept, so that the next run finds the model packed and measured. */
const home = homeAt(join(packageRoot, ".cache", "demo"));

async function demo(signal: AbortSignal): Promise<void> {
  say("Two stages, each a process of its own, on free ports");
  const cluster = await start(signal);
  const health = watchHealth(cluster);
  try {
    await withClient(cluster.grpc, async (client) => {
      say("The plan, from what was measured of the two workers and the link between them");
      process.stdout.write(`${await planTable(client)}\n`);
      say(`A chat: ${question}`);
      await chat(client, signal);
      say(`${crowd.requests} requests at once`);
      process.stdout.write(`${await generateTogether(client, signal)}\n`);
      say("What each stage holds and did in the last ten seconds");
      process.stdout.write(`${await stageTable(client)}\n`);
    });
    say("Health of the stages, as received through NATS");
    process.stdout.write(cluster.nats === undefined ? `${cluster.events}\n` : await health.take(healthLines));
  } finally {
    await health.end();
    await cluster.stop();
  }
  say("Everything has been ended. `stagecoach up` starts it for good, `stagecoach run` chats with it.");
}

function say(line: string): void {
  process.stdout.write(`\n== ${line}\n`);
}

async function start(signal: AbortSignal): Promise<RunningLocalCluster> {
  const model = join(packageRoot, ".cache", "models", "SmolLM2-135M-Instruct.Q4_1.gguf");
  const flags = {
    ...(existsSync(model) && { model }),
    home: home.root,
    http: "127.0.0.1:0",
    grpc: "127.0.0.1:0",
    cluster: "demo",
    stages: "2",
  };
  // Settings of whoever runs the demo stay out of it.
  const values = compileConfig(upSettings, { flags, environment: {}, folder: home.root });
  const progress = createProgressLine(process.stdout);
  const cluster = await startCluster({ home, values, signal, onProgress: progress.say }).finally(
    progress.end,
  );
  process.stdout.write(
    `HTTP http://${cluster.http}, gRPC ${cluster.grpc}, events ${cluster.nats ?? cluster.events}\n`,
  );
  return cluster;
}

async function planTable(client: Client): Promise<string> {
  const reply = await unary<PlanReply__Output>(client, (options, done) =>
    client.cluster.plan({}, options, done),
  );
  const { model, variant } = await readStatus(client);
  return renderPlan(JSON.parse(reply.planJson.toString("utf8")) as Plan, { model, variant });
}

async function chat(client: Client, signal: AbortSignal): Promise<void> {
  const options = { temperature: 0, maxTokens: 96 };
  await writeAnswer(new Conversation({ client, model: "", system: undefined, options }), question, signal);
}

async function generateTogether(client: Client, signal: AbortSignal): Promise<string> {
  setMaxListeners(crowd.requests + 10, signal);
  const startedMs = performance.now();
  const counts = await Promise.all(
    Array.from({ length: crowd.requests }, async (_, index) => {
      const options = { temperature: 1, seed: index, maxTokens: crowd.tokens, ignoreEos: true };
      const call = client.inference.generate({ prompt: "Once upon a time", options });
      let tokens = 0;
      for await (const reply of replies(client, call, signal)) tokens += reply.tokenIds.length;
      return tokens;
    }),
  );
  const tokens = counts.reduce((sum, count) => sum + count, 0);
  const seconds = (performance.now() - startedMs) / 1000;
  return `${tokens} tokens in ${seconds.toFixed(1)} s: ${(tokens / seconds).toFixed(0)} tok/s`;
}

async function stageTable(client: Client): Promise<string> {
  const { workers } = await readStatus(client);
  const rows = workers
    .toSorted((a, b) => (a.stageIndex ?? 0) - (b.stageIndex ?? 0))
    .map(({ stageIndex, workerId, processId, stage, busyShare, waitInShare }) => [
      String(stageIndex ?? "-"),
      workerId,
      String(processId),
      stage === null ? "-" : `${stage.firstLayer}-${stage.endLayer - 1}`,
      `${(100 * busyShare).toFixed(0)} %`,
      `${(100 * waitInShare).toFixed(0)} %`,
    ]);
  const titles = ["stage", "worker", "process", "layers", "busy", "waiting"];
  return renderTable(
    titles.map((title) => ({ title, align: "right" as const })),
    rows,
  );
}

function readStatus(client: Client): Promise<ClusterStatus__Output> {
  return unary<ClusterStatus__Output>(client, (options, done) => client.cluster.status({}, options, done));
}

/** Collects health events in the background. */
function watchHealth({ nats }: RunningLocalCluster) {
  const ended = new AbortController();
  const lines: string[] = [];
  let more: () => void = () => undefined;
  const reading = (async () => {
    if (nats === undefined) return;
    const subscription = { url: nats, cluster: "demo", kinds: ["health"] as const, signal: ended.signal };
    for await (const event of subscribeEvents(subscription)) {
      lines.push(describeEvent(event));
      more();
    }
  })();
  return {
    /** The newest lines, once there are so many. */
    take: async (count: number): Promise<string> => {
      while (lines.length < count) {
        const arrived = new Promise<void>((resolve) => {
          more = resolve;
        });
        await Promise.race([arrived, reading]);
      }
      return lines
        .slice(-count)
        .map((line) => `${line}\n`)
        .join("");
    },
    end: async (): Promise<void> => {
      ended.abort();
      await reading;
    },
  };
}

const interrupted = new AbortController();
void askedToEnd().then(() => interrupted.abort());
try {
  await withHome(home, (lost) => demo(AbortSignal.any([interrupted.signal, lost])));
} catch (reason) {
  process.exitCode = reportError(reason, false);
}

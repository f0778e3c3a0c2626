import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import { type Client, coordinatorAddress, replies, withClient } from "./client.js";
import { printJsonLine } from "./json.js";
import { askedToEnd } from "./serve.js";
import { addSettings, homeOf, readGivenSettings } from "./setting-options.js";
import { createPaint } from "./top/paint.js";
import { renderTop } from "./top/render-top.js";
import { openScreen } from "./top/screen.js";
import { StageHistory } from "./top/stage-history.js";
import { topSample } from "./top/top-sample.js";

const topSettings = ["home", "grpc"] as const satisfies readonly SettingName[];

interface TopOptions {
  json: boolean;
  once: boolean;
}

/** Between two frames; workers report as often. */
const intervalMs = 500;
const usualColumns = 120;

export function register(program: Command): void {
  const command = program
    .command("top")
    .description(
      "show live what the cluster does: rates, queue, KV cache, lanes, and the last minute of each stage",
    )
    .option("--json", "print a JSON document a line for each sample", false)
    .option("--once", "print one frame, or one sample, and end", false);
  addSettings(command, topSettings)
    .addHelpText(
      "after",
      "\nq or Ctrl-C ends it.\n\nExamples:\n  $ stagecoach top\n  $ stagecoach top --json | jq -c '.stages[] | [.workerId, .busy]'\n",
    )
    .action(async (options: TopOptions) => {
      const address = await coordinatorAddress(homeOf(command), readGivenSettings(command, ["grpc"]).grpc);
      await withClient(address, (client) => top(client, options));
    });
}

async function top(client: Client, { json, once }: TopOptions): Promise<void> {
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  if (once || json) return await print(client, ended.signal, { json, once });
  if (!process.stdout.isTTY) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      "top draws on a terminal and stdout is none: give --once for one frame, or --json for samples",
    );
  }
  const stopKeys = onQuitKey(() => ended.abort());
  const screen = openScreen(process.stdout);
  process.once("exit", screen.restore);
  try {
    await draw(client, ended.signal, screen.draw);
  } finally {
    screen.restore();
    stopKeys();
  }
}

async function draw(
  client: Client,
  signal: AbortSignal,
  show: (lines: readonly string[]) => void,
): Promise<void> {
  const { stdout } = process;
  const history = new StageHistory();
  const paint = createPaint(stdout.hasColors());
  for await (const status of replies(client, client.cluster.watch({ intervalMs }), signal)) {
    const nowMs = Date.now();
    history.add(status, nowMs);
    show(renderTop({ status, history, nowMs, columns: stdout.columns, rows: stdout.rows, paint }));
  }
}

/** Two looks at least: the first one has nothing to compare with. */
async function print(client: Client, signal: AbortSignal, { json, once }: TopOptions): Promise<void> {
  const history = new StageHistory();
  const paint = createPaint(process.stdout.isTTY && process.stdout.hasColors());
  const { columns = usualColumns } = process.stdout;
  let looks = 0;
  for await (const status of replies(client, client.cluster.watch({ intervalMs }), signal)) {
    const nowMs = Date.now();
    history.add(status, nowMs);
    if (++looks === 1) continue;
    if (json) printJsonLine(topSample(status, history, nowMs));
    else process.stdout.write(`${renderTop({ status, history, nowMs, columns, paint }).join("\n")}\n`);
    if (once) return;
  }
}

const quitKeys: readonly string[] = ["q", "Q", "\u0003"];

/** In raw mode Ctrl-C is a key too. Returns what gives the keyboard back. */
function onQuitKey(quit: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => undefined;
  const hear = (keys: Buffer): void => {
    if ([...keys.toString()].some((key) => quitKeys.includes(key))) quit();
  };
  stdin.setRawMode(true).resume().on("data", hear);
  return () => {
    stdin.off("data", hear).setRawMode(false).pause();
  };
}

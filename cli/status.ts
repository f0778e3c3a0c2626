import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import { type Client, coordinatorAddress, replies, unary, withClient } from "./client.js";
import { printJson, printJsonLine } from "./json.js";
import { renderStatus } from "./render-status.js";
import { addSettings, homeOf, readGivenSettings } from "./setting-options.js";

const statusSettings = ["home", "grpc"] as const satisfies readonly SettingName[];

interface StatusOptions {
  json: boolean;
  watch: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("status")
    .description("show the state of the cluster and what each stage does")
    .option("--json", "print JSON, one document a line with --watch", false)
    .option("--watch", "go on until Ctrl-C", false);
  addSettings(command, statusSettings)
    .addHelpText("after", "\nExamples:\n  $ stagecoach status\n  $ stagecoach status --json | jq .workers\n")
    .action(async (options: StatusOptions) => {
      const address = await coordinatorAddress(homeOf(command), readGivenSettings(command, ["grpc"]).grpc);
      await withClient(address, (client) => (options.watch ? watch(client, options) : once(client, options)));
    });
}

async function once(client: Client, { json }: StatusOptions): Promise<void> {
  const status = await unary<ClusterStatus__Output>(client, (options, done) =>
    client.cluster.status({}, options, done),
  );
  if (json) printJson(status);
  else process.stdout.write(`${renderStatus(status)}\n`);
}

/** Clears the screen and puts the cursor at its top; only on a terminal. */
const clearScreen = "\u001b[H\u001b[2J";

async function watch(client: Client, { json }: StatusOptions): Promise<void> {
  for await (const status of replies(client, client.cluster.watch({}))) {
    if (json) printJsonLine(status);
    else process.stdout.write(`${process.stdout.isTTY ? clearScreen : ""}${renderStatus(status)}\n`);
  }
}

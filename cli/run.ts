import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import { Conversation } from "./chat/conversation.js";
import { chatAtTerminal, writeAnswer } from "./chat/terminal-chat.js";
import { withClient } from "./client.js";
import { readStdin } from "./read-stdin.js";
import { addSamplingOptions, readSamplingOptions } from "./sampling-options.js";
import { askedToEnd } from "./serve.js";
import { addSettings, homeOf, readGivenSettings, readSettings } from "./setting-options.js";
import { readRunningCluster } from "./state/cluster-file.js";
import { withTemporaryCluster } from "./up/temporary-cluster.js";
import { upSettings } from "./up/up-settings.js";

const runSettings = [
  "home",
  "grpc",
  "variant",
  "stages",
  "threads",
  "device",
] as const satisfies readonly SettingName[];

export function register(program: Command): void {
  const command = program
    .command("run")
    .description("chat with a model: on the running cluster, or on one that lasts as long as the chat")
    .argument("[model]", "name or path; left out, the model that runs, or the default one")
    .argument("[prompt]", "ask this and leave; without a terminal the prompt is read from stdin")
    .option("--system <TEXT>", "what the model is told before everything else");
  addSettings(addSamplingOptions(command), runSettings)
    .addHelpText(
      "after",
      `
Examples:
  $ stagecoach run
  $ stagecoach run smollm2-135m-instruct "Why is the sky blue?" --temperature 0
  $ git diff | stagecoach run smollm2-135m-instruct --system "Summarise this change."
`,
    )
    .action((model: string | undefined, prompt: string | undefined) => run(command, model, prompt));
}

async function run(command: Command, model: string | undefined, prompt: string | undefined): Promise<void> {
  const question = prompt ?? (process.stdin.isTTY ? undefined : await readStdin());
  const home = homeOf(command);
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const running = readGivenSettings(command, ["grpc"]).grpc ?? (await readRunningCluster(home))?.grpc;
  const talk = (address: string, served: string) => chat(command, address, served, question, ended.signal);
  if (running !== undefined) return await talk(running, model ?? "");
  const more = {
    http: "127.0.0.1:0",
    grpc: "127.0.0.1:0",
    nats: "off",
    ...(model !== undefined && { model }),
  };
  await withTemporaryCluster(home, readSettings(command, upSettings, more), ended.signal, ({ grpc }) =>
    talk(grpc, ""),
  );
}

function chat(
  command: Command,
  address: string,
  model: string,
  question: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { system } = command.opts<{ system?: string }>();
  return withClient(address, (client) => {
    const conversation = new Conversation({ client, model, system, options: readSamplingOptions(command) });
    return question === undefined
      ? chatAtTerminal(conversation, signal)
      : writeAnswer(conversation, question, signal);
  });
}

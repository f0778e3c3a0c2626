import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import type { GenerateReply__Output } from "../proto/gen/stagecoach/v1/GenerateReply.js";
import type { GenerateRequest } from "../proto/gen/stagecoach/v1/GenerateRequest.js";
import { type Client, coordinatorAddress, replies, withClient } from "./client.js";
import { printJson } from "./json.js";
import { readStdin } from "./read-stdin.js";
import { addSamplingOptions, readSamplingOptions } from "./sampling-options.js";
import { addSettings, homeOf, readGivenSettings } from "./setting-options.js";

const generateSettings = ["home", "grpc", "model"] as const satisfies readonly SettingName[];

export function register(program: Command): void {
  const command = program
    .command("generate")
    .description("continue one prompt on a running cluster, without a chat template")
    .argument("[prompt]", "the text to continue; left out or -, it is read from stdin")
    .option("--json", "print one JSON document at the end instead of streaming text", false);
  addSettings(addSamplingOptions(command), generateSettings)
    .addHelpText(
      "after",
      `
Examples:
  $ stagecoach generate "The capital of France is" --max-tokens 8 --temperature 0
  $ stagecoach generate --json --logprobs 3 < prompt.txt | jq .text
`,
    )
    .action((prompt: string | undefined, options: { json: boolean }) =>
      generate(command, prompt, options.json),
    );
}

async function generate(command: Command, prompt: string | undefined, json: boolean): Promise<void> {
  const given = readGivenSettings(command, generateSettings);
  const request: GenerateRequest = {
    model: given.model ?? "",
    prompt: prompt === undefined || prompt === "-" ? await readStdin() : prompt,
    options: readSamplingOptions(command),
  };
  const address = await coordinatorAddress(homeOf(command), given.grpc);
  await withClient(address, (client) => (json ? printResult(client, request) : stream(client, request)));
}

async function stream(client: Client, request: GenerateRequest): Promise<void> {
  for await (const reply of replies(client, client.inference.generate(request)))
    process.stdout.write(reply.text);
  process.stdout.write("\n");
}

async function printResult(client: Client, request: GenerateRequest): Promise<void> {
  const startedMs = performance.now();
  let firstTokenMs: number | undefined;
  const all: GenerateReply__Output[] = [];
  for await (const reply of replies(client, client.inference.generate(request))) {
    if (reply.tokenIds.length > 0) firstTokenMs ??= performance.now() - startedMs;
    all.push(reply);
  }
  const last = all.at(-1);
  if (last === undefined) {
    throw new StagecoachError("INTERNAL", "the server ended the answer without a word; look into its log");
  }
  printJson({
    text: all.map(({ text }) => text).join(""),
    tokenIds: all.flatMap(({ tokenIds }) => tokenIds),
    finishReason: last.finishReason,
    usage: last.usage,
    ...(request.options?.logprobs !== undefined && {
      logprobs: all
        .flatMap(({ logprobs }) => logprobs)
        .map(({ chosen, top }) => ({ chosen: plain(chosen), top: top.map(plain) })),
    }),
    firstTokenMs,
    durationMs: performance.now() - startedMs,
  });
}

/** A token without its bytes, which JSON cannot say. */
function plain(token: { tokenId: number; text: string; logprob: number } | null) {
  return token && { tokenId: token.tokenId, text: token.text, logprob: token.logprob };
}

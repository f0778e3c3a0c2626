import { type Command, InvalidArgumentError, Option } from "commander";
import { decimalNumber, type Kind, wholeNumber } from "../common/config-kinds.js";
import { flagOf } from "../common/config-names.js";
import type { SamplingOptions } from "../proto/gen/stagecoach/v1/SamplingOptions.js";

/** Numbers of a request; those left out take the model's defaults, then the server's. */
const numbers: Readonly<Record<string, { kind: Kind<number>; doc: string }>> = {
  maxTokens: { kind: wholeNumber(1, 16_777_216), doc: "tokens to generate at most" },
  minTokens: { kind: wholeNumber(0, 16_777_216), doc: "tokens to generate at least" },
  temperature: { kind: decimalNumber(0, 100), doc: "0 takes the likeliest token, more is more random" },
  topK: { kind: wholeNumber(0, 16_777_216), doc: "sample from the K likeliest tokens; 0 from all" },
  topP: { kind: decimalNumber(0, 1), doc: "sample from the likeliest tokens that make up this probability" },
  minP: {
    kind: decimalNumber(0, 1),
    doc: "sample from tokens at least this likely, relative to the likeliest",
  },
  repetitionPenalty: {
    kind: decimalNumber(0.01, 100),
    doc: "above 1 makes what was said before less likely",
  },
  presencePenalty: { kind: decimalNumber(-100, 100), doc: "subtracted from every generated token's logit" },
  frequencyPenalty: { kind: decimalNumber(-100, 100), doc: "the same for each time it was generated" },
  seed: { kind: wholeNumber(0, Number.MAX_SAFE_INTEGER), doc: "the same seed gives the same text" },
  logprobs: { kind: wholeNumber(0, 20), doc: "log-probabilities, and so many alternatives, in --json" },
};

/** Adds what shapes a generated text to a command. */
export function addSamplingOptions(command: Command): Command {
  for (const [name, { kind, doc }] of Object.entries(numbers)) {
    const parse = (text: string) => parseNumber(kind, text);
    command.addOption(new Option(`${flagOf(name)} <${kind.placeholder}>`, doc).argParser(parse));
  }
  return command
    .addOption(new Option("--stop <TEXT>", "end before this text; may be repeated").argParser(collect))
    .option("--ignore-eos", "go on when the model wants to end");
}

/** Reads them back as the wire has them. */
export function readSamplingOptions(command: Command): SamplingOptions {
  const options = command.opts();
  const given = Object.keys(numbers).filter((name) => options[name] !== undefined);
  return {
    ...Object.fromEntries(given.map((name) => [name, options[name] as number])),
    stop: (options["stop"] as string[] | undefined) ?? [],
    ignoreEos: options["ignoreEos"] === true,
  };
}

function parseNumber(kind: Kind<number>, text: string): number {
  const value = kind.parse(text);
  if (value === undefined) throw new InvalidArgumentError(`Give ${kind.expects}.`);
  return value;
}

function collect(text: string, before: string[] | undefined): string[] {
  return [...(before ?? []), text];
}

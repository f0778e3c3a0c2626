import { availableParallelism } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import { ensureModel } from "../model/pull/ensure-model.js";
import { type Manifest, type ModelQuality, type Variant, variants } from "../model/store/manifest.js";
import { openStore } from "../model/store/model-store.js";
import { deviceHere } from "../stage-worker/device-here.js";
import { describeWeights } from "../stage-worker/weights/gpu-weights.js";
import { wholeModelWeights } from "../stage-worker/weights/whole-model-weights.js";
import { printJson } from "./json.js";
import { showModelProgress } from "./model-progress.js";
import { measureQuality } from "./quality/measure-quality.js";
import { type PromptSources, readPrompts } from "./quality/read-prompts.js";
import { addSettings, homeOf, readSettings } from "./setting-options.js";

const qualitySettings = ["home", "variant", "device", "gpuWeights"] as const satisfies readonly SettingName[];

interface Flags {
  readonly against: Variant;
  readonly prompts?: string;
  readonly golden?: string;
  readonly tokens: number;
  readonly minSame?: number;
  readonly maxKl?: number;
  readonly json: boolean;
}

const notes = `
Both variants are packed where they are not yet, run through the engine in this process, the exact one on the
CPU and the other on --device (auto: the CPU, too), and are fed the same tokens: those of --golden's f32 runs, otherwise what the exact variant finds most likely after each
prompt. Compared are the logits at every step.
  same token      share of steps at which both have the same most likely token
  KL              mean divergence of the distributions, nats
  margin change   of the exact variant's best logit less its second: median / 99th percentile / largest

Examples:
  $ stagecoach quality smollm2 --variant int8
  $ stagecoach quality smollm2 --variant f16 --device cuda
  $ stagecoach quality smollm2 --variant as-is --device cuda --gpu-weights packed
  $ stagecoach quality smollm2 --variant int8 --golden test/golden/smollm2-q4_1.json --min-same 96.5 --max-kl 0.005
`;

/** `stagecoach quality`: how close a variant of a model comes to an exact one. */
export function register(program: Command): void {
  const command = program
    .command("quality")
    .description("measure how close a variant of a model comes to the exact one")
    .argument("<model>", "name, path, or repository on the Hugging Face hub")
    .addOption(new Option("--against <variant>", "variant to compare with").choices(variants).default("f32"))
    .option("--prompts <FILE>", "prompts, one a line (default: built-in ones)")
    .addOption(
      new Option("--golden <FILE>", "prompts and continuations as test/golden has them").conflicts("prompts"),
    )
    .option("--tokens <N>", "steps of a prompt at most", wholeNumber, 48)
    .option("--min-same <PERCENT>", "fail below this share of equal tokens", number)
    .option("--max-kl <NATS>", "fail above this divergence", number)
    .option("--json", "print JSON", false);
  addSettings(command, qualitySettings)
    .addHelpText("after", notes)
    .action((model: string, flags: Flags) => quality(command, model, flags));
}

async function quality(command: Command, model: string, flags: Flags): Promise<void> {
  const { variant, device, gpuWeights } = readSettings(command, qualitySettings);
  const home = homeOf(command);
  const display = showModelProgress();
  const { onProgress } = display;
  try {
    const other = await ensureModel({ home, nameOrPath: model, variant, onProgress });
    const exact = await ensureModel({ home, nameOrPath: other.model, variant: flags.against, onProgress });
    display.stop();
    const store = openStore(home);
    const spec = await store.readTokenizer(other);
    const sources: PromptSources = { promptsPath: flags.prompts, goldenPath: flags.golden };
    const prompts = await readPrompts(
      sources,
      { vocabularySize: other.config.vocabularySize, chatTemplate: other.chatTemplate },
      spec,
    );
    const named = await deviceHere(device === "auto" ? "cpu" : device);
    const demand = { maxSequences: prompts.length, maxContext: flags.tokens };
    const held = await wholeModelWeights(store, other, named, gpuWeights, demand);
    const measured = await measureQuality({
      exact,
      other: held.manifest,
      blobsFolder: home.blobs,
      prompts,
      tokens: flags.tokens,
      endTokenIds: spec.endTokenIds,
      threads: availableParallelism(),
      device: named,
      fewRowsKernel: held.chosen.fewRowsKernel,
      onStep: (step) => {
        if (step % 8 === 0)
          onProgress({ phase: "notice", message: `${step} of at most ${flags.tokens} steps` });
      },
    });
    if (flags.json)
      printJson({
        ...{ model: other.model, variant: other.variant, against: exact.variant },
        ...describeWeights(held.chosen),
        ...measured,
      });
    else process.stdout.write(render(other, exact, prompts.length, measured));
    check(measured, flags);
  } finally {
    display.stop();
  }
}

function render(other: Manifest, exact: Manifest, prompts: number, measured: ModelQuality): string {
  const { steps, sameToken, klMean, marginChange } = measured;
  const { median, p99, max } = marginChange;
  return [
    `${other.model}:${other.variant} against ${exact.variant}, ${steps} steps of ${prompts} prompts`,
    `same token      ${percent(sameToken)} %`,
    `KL              ${klMean.toFixed(5)}`,
    `margin change   ${median.toFixed(3)} / ${p99.toFixed(2)} / ${max.toFixed(2)}`,
    "",
  ].join("\n");
}

/** @throws StagecoachError FAILED_PRECONDITION when a limit that was given is missed. */
function check({ sameToken, klMean }: ModelQuality, { minSame, maxKl }: Flags): void {
  const missed: string[] = [];
  if (minSame !== undefined && 100 * sameToken < minSame) {
    missed.push(`the same token at ${percent(sameToken)} % of the steps is less than --min-same ${minSame}`);
  }
  if (maxKl !== undefined && klMean > maxKl) {
    missed.push(`a KL of ${klMean.toFixed(5)} is more than --max-kl ${maxKl}`);
  }
  if (missed.length > 0) throw new StagecoachError("FAILED_PRECONDITION", missed.join("; "));
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 100_000) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no whole number from 1 to 100000.`);
}

function number(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 100) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no number from 0 to 100.`);
}

import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import type { Home } from "../common/home.js";
import { ensureModel } from "../model/pull/ensure-model.js";
import { formatBytes } from "../model/store/format-bytes.js";
import type { Manifest } from "../model/store/manifest.js";
import { showModelProgress } from "./model-progress.js";
import { addSettings, homeOf, readGivenSettings } from "./setting-options.js";
import { untilInterrupted } from "./until-interrupted.js";

const pullSettings = ["home", "variant"] as const satisfies readonly SettingName[];

const examples = `
Models are named by
  a known name          smollm2
  a path                ./model.gguf, or a folder with config.json and safetensors
  the Hugging Face hub  ORG/NAME, ORG/NAME:Q8_0, ORG/NAME:FILE.gguf
A pull that was interrupted goes on where it stopped when it is run again.

Examples:
  $ stagecoach pull smollm2
  $ stagecoach pull smollm2 --variant f32
  $ stagecoach pull ./mistral.gguf --name mistral
  $ stagecoach pull Qwen/Qwen2.5-0.5B-Instruct-GGUF:Q8_0
`;

/** `stagecoach pull`: fetches a model and packs it into the store. */
export function register(program: Command): void {
  const command = program
    .command("pull")
    .description("fetch a model and pack it into the store")
    .argument("<model>", "name, path, or repository on the Hugging Face hub")
    .option("--name <name>", "name in the store (default: made from the file's or repository's)");
  addSettings(command, pullSettings)
    .addHelpText("after", examples)
    .action(async (model: string, { name }: { name?: string }) => {
      const { variant } = readGivenSettings(command, pullSettings);
      const home = homeOf(command);
      const manifest = await untilInterrupted("the same command goes on where this one stopped", (signal) =>
        pull({ home, model, name, variant, signal }),
      );
      process.stdout.write(`${describe(manifest)}\n`);
    });
}

interface PullOptions {
  home: Home;
  model: string;
  name: string | undefined;
  variant: Manifest["variant"] | "auto" | undefined;
  signal: AbortSignal;
}

async function pull({ home, model, name, variant, signal }: PullOptions): Promise<Manifest> {
  const display = showModelProgress();
  const { onProgress } = display;
  try {
    return await ensureModel({ home, nameOrPath: model, name, variant, repair: true, onProgress, signal });
  } finally {
    display.stop();
  }
}

function describe({ model, variant, blobs, config }: Manifest): string {
  const sizeBytes = blobs.reduce((sum, blob) => sum + blob.sizeBytes, 0);
  return `${model}:${variant} is ready: ${config.layerCount} layers, ${formatBytes(sizeBytes)}`;
}

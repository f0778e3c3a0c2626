import type { Command } from "commander";
import { StagecoachError } from "../common/errors.js";
import type { Home } from "../common/home.js";
import { nameInStore } from "../model/pull/model-reference.js";
import { formatBytes } from "../model/store/format-bytes.js";
import { parseModelName } from "../model/store/model-name.js";
import { openStore } from "../model/store/model-store.js";
import { type Removal, removeModel, removeUnused } from "../model/store/remove-model.js";
import { addSettings, homeOf } from "./setting-options.js";
import { readRunningCluster } from "./state/cluster-file.js";

/** `stagecoach rm`: removes models from the store. */
export function register(program: Command): void {
  const command = program
    .command("rm")
    .description("remove models from the store")
    .argument("[models...]", "NAME with all its variants and its download, or NAME:VARIANT")
    .option("--unused", "also remove blobs that no model in this store names", false);
  addSettings(command, ["home"])
    .addHelpText(
      "after",
      "\nExamples:\n  $ stagecoach rm smollm2:f32\n  $ stagecoach rm smollm2\n  $ stagecoach rm --unused\n",
    )
    .action(async (models: string[], { unused }: { unused: boolean }) => {
      if (models.length === 0 && !unused) {
        throw new StagecoachError(
          "INVALID_ARGUMENT",
          "nothing to remove: give models that `stagecoach list` shows, or --unused",
        );
      }
      const home = homeOf(command);
      await requireNotServed(home, models);
      for (const model of models) report(await removeModel(openStore(home), model));
      if (unused) report(await removeUnused(openStore(home)));
    });
}

async function requireNotServed(home: Home, models: readonly string[]): Promise<void> {
  const running = await readRunningCluster(home);
  if (running === undefined) return;
  const served = await nameInStore(openStore(home), running.model);
  if (models.some((model) => parseModelName(model).name === served)) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `${served} is served by process ${running.owner.pid}: \`stagecoach down\` ends it, then remove the model`,
    );
  }
}

function report({ removed, blobCount, freedBytes, source }: Removal): void {
  const what = removed.length === 0 ? "what nobody used" : removed.join(", ");
  const download = source === undefined ? "" : " and its download";
  process.stdout.write(`removed ${what}${download}: ${blobCount} blobs, ${formatBytes(freedBytes)} freed\n`);
}

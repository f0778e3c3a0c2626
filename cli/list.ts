import type { Command } from "commander";
import { formatBytes } from "../model/store/format-bytes.js";
import { type DamagedModel, openStore, type StoredModel } from "../model/store/model-store.js";
import { printJson } from "./json.js";
import { addSettings, homeOf } from "./setting-options.js";
import { renderTable } from "./table.js";

/** `stagecoach list`: the models in the store. */
export function register(program: Command): void {
  const command = program
    .command("list")
    .alias("ls")
    .description("list the models in the store")
    .option("--json", "print JSON", false);
  addSettings(command, ["home"])
    .addHelpText(
      "after",
      "\nBlobs that models share are counted for each of them; the total counts them once.\n" +
        "\nExamples:\n  $ stagecoach list\n  $ stagecoach list --json | jq -r '.models[].name'\n",
    )
    .action(async ({ json }: { json: boolean }) => {
      const store = openStore(homeOf(command));
      const { models, damaged } = await store.list();
      const totalBytes = await store.totalBytes();
      if (json) {
        printJson({ models: models.map(toJson), damaged: damaged.map(damagedToJson), totalBytes });
        return;
      }
      for (const { error } of damaged) process.stderr.write(`${error.message}\n`);
      process.stdout.write(models.length === 0 ? none(store.home.root) : table(models, totalBytes));
    });
}

function none(home: string): string {
  return `no models in ${home} yet: \`stagecoach pull smollm2\` fetches the default one\n`;
}

function table(models: readonly StoredModel[], totalBytes: number): string {
  const rows = models.map(({ manifest, sizeBytes }) => [
    manifest.model,
    manifest.variant,
    formatBytes(sizeBytes),
    String(manifest.config.layerCount),
    String(manifest.config.contextLength),
    manifest.origin.name,
    manifest.packedAt.slice(0, 10),
  ]);
  const columns = [
    { title: "MODEL" },
    { title: "VARIANT" },
    { title: "SIZE", align: "right" },
    { title: "LAYERS", align: "right" },
    { title: "CONTEXT", align: "right" },
    { title: "FROM" },
    { title: "PACKED" },
  ] as const;
  return `${renderTable(columns, rows)}\n${formatBytes(totalBytes)} altogether\n`;
}

function toJson({ manifest, sizeBytes }: StoredModel) {
  const { model, variant, config, origin, packedAt } = manifest;
  const { architecture, layerCount, contextLength, vocabularySize } = config;
  return {
    name: model,
    variant,
    sizeBytes,
    architecture,
    layerCount,
    contextLength,
    vocabularySize,
    origin,
    packedAt,
  };
}

function damagedToJson({ name, variant, error }: DamagedModel) {
  return { name, variant, error: error.message };
}

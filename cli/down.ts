import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import { addSettings, homeOf, readSettings } from "./setting-options.js";
import { readClusterFile, readRunningCluster, removeClusterFile } from "./state/cluster-file.js";
import { endProcess } from "./state/end-process.js";

const downSettings = ["home", "stopTimeoutMs"] as const satisfies readonly SettingName[];

/** The owner ends three kinds of children one after another, each within the bound. */
const ownerPatience = 4;

export function register(program: Command): void {
  const command = program
    .command("down")
    .description("end the cluster that `up`, or the coordinator that `coordinator`, runs in this home");
  addSettings(command, downSettings)
    .addHelpText("after", "\nExamples:\n  $ stagecoach down\n  $ stagecoach down --home /srv/stagecoach\n")
    .action(() => down(command));
}

async function down(command: Command): Promise<void> {
  const { stopTimeoutMs } = readSettings(command, downSettings);
  const home = homeOf(command);
  const file = await readClusterFile(home);
  if (file === undefined) {
    process.stderr.write(`nothing runs in ${home.root}\n`);
    return;
  }
  const outcome = await endProcess(file.owner, ownerPatience * stopTimeoutMs);
  // What an owner that was killed could not end itself.
  const left = await Promise.all(file.processes.map((process) => endProcess(process, stopTimeoutMs)));
  if ([outcome, ...left].includes("stuck")) {
    const pids = [file.owner, ...file.processes].map(({ pid }) => pid).join(", ");
    throw new StagecoachError(
      "DEADLINE_EXCEEDED",
      `cannot end all of the processes ${pids}: end them by hand`,
    );
  }
  if (outcome !== "ended" && (await readRunningCluster(home)) === undefined) await removeClusterFile(home);
  process.stderr.write(`${describe(outcome)}\n`);
}

function describe(outcome: "was gone" | "ended" | "killed" | "stuck"): string {
  switch (outcome) {
    case "was gone":
      return "the cluster had already ended; its remains have been removed";
    case "ended":
      return "ended";
    case "killed":
      return "it did not end in time and was killed";
    case "stuck":
      return "it could not be ended";
  }
}

import { Command } from "commander";
import { version } from "../common/package-root.js";

/** What every command's file exports. */
interface CommandModule {
  register(program: Command): void;
}

/** Where each command is, in the order of the help. */
const commands: Readonly<Record<string, () => Promise<CommandModule>>> = {
  run: () => import("./run.js"),
  pull: () => import("./pull.js"),
  list: () => import("./list.js"),
  rm: () => import("./rm.js"),
  up: () => import("./up.js"),
  down: () => import("./down.js"),
  status: () => import("./status.js"),
  top: () => import("./top.js"),
  plan: () => import("./plan.js"),
  events: () => import("./events.js"),
  generate: () => import("./generate.js"),
  bench: () => import("./bench.js"),
  quality: () => import("./quality.js"),
  coordinator: () => import("./coordinator.js"),
  worker: () => import("./worker.js"),
  doctor: () => import("./doctor.js"),
  install: () => import("./install.js"),
  supervise: () => import("./supervise.js"),
};

/**
 * The command line for the given arguments (without node and script). Only the command that they name is
 * loaded; all are where help or an unknown command needs them. Wrong use throws a CommanderError after
 * saying what is wrong.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command("stagecoach")
    .description("Serves a language model that is cut by layers over several machines.")
    .version(version, "-V, --version", "print the version")
    .option("--verbose", "show where an error comes from", false)
    .helpOption("-h, --help", "show help")
    .showHelpAfterError("(--help shows the options)")
    .exitOverride()
    .addHelpText(
      "after",
      `
Every setting has three forms: --max-num-seqs, STAGECOACH_MAX_NUM_SEQS, and "maxNumSeqs" in
stagecoach.config.json (in the current folder or the home); the first one given wins.
Exit codes: 0 done, 1 failed, 2 wrong use.

Examples:
  $ stagecoach up                     serve the default model with two stages
  $ stagecoach run                    chat with it
  $ stagecoach status --watch         see what each stage does
`,
    );
  for (const load of modulesFor(args)) (await load()).register(program);
  return program;
}

function modulesFor(args: readonly string[]): readonly (() => Promise<CommandModule>)[] {
  const wanted = args.find((argument) => !argument.startsWith("-"));
  if (wanted === undefined && (args.includes("-V") || args.includes("--version"))) return [];
  const command = wanted !== undefined && Object.hasOwn(commands, wanted) ? commands[wanted] : undefined;
  return command === undefined ? Object.values(commands) : [command];
}

import { Command } from "commander";
import { version } from "../common/package-root.js";
import * as bench from "./bench.js";
import * as coordinator from "./coordinator.js";
import * as doctor from "./doctor.js";
import * as down from "./down.js";
import * as events from "./events.js";
import * as generate from "./generate.js";
import * as list from "./list.js";
import * as plan from "./plan.js";
import * as pull from "./pull.js";
import * as rm from "./rm.js";
import * as run from "./run.js";
import * as status from "./status.js";
import * as supervise from "./supervise.js";
import * as up from "./up.js";
import * as worker from "./worker.js";

/** The commands in the order of the help. */
const commands = [
  run,
  pull,
  list,
  rm,
  up,
  down,
  status,
  plan,
  events,
  generate,
  bench,
  coordinator,
  worker,
  doctor,
  supervise,
];

/** The whole command line. Wrong use throws a CommanderError after saying what is wrong. */
export function createProgram(): Command {
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
  for (const command of commands) command.register(program);
  return program;
}

import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import { runChecks } from "./doctor/checks.js";
import type { Finding, Grade } from "./doctor/finding.js";
import { printJson } from "./json.js";
import { addSettings, homeOf, readSettings } from "./setting-options.js";

const doctorSettings = ["home", "http", "grpc"] as const satisfies readonly SettingName[];

export function register(program: Command): void {
  const command = program
    .command("doctor")
    .description("check this machine for what Stagecoach needs, and say how to mend what is missing")
    .option("--json", "print JSON", false);
  addSettings(command, doctorSettings)
    .addHelpText(
      "after",
      "\nExamples:\n  $ stagecoach doctor\n  $ stagecoach doctor --json | jq '.[] | select(.grade != \"good\")'\n",
    )
    .action(async ({ json }: { json: boolean }) => {
      const { http, grpc } = readSettings(command, doctorSettings);
      const findings = await runChecks({ home: homeOf(command), http, grpc });
      if (json) printJson(findings);
      else process.stdout.write(findings.map(render).join(""));
      const bad = findings.filter(({ grade }) => grade === "bad").length;
      if (bad > 0)
        throw new StagecoachError(
          "FAILED_PRECONDITION",
          `${bad} of ${findings.length} checks failed; see the remedies above`,
        );
    });
}

const marks: Record<Grade, string> = { good: "ok  ", poor: "poor", bad: "BAD " };

function render({ name, grade, fact, remedy }: Finding): string {
  const advice = remedy === undefined ? "" : `                      -> ${remedy}\n`;
  return `${marks[grade]}  ${name.padEnd(14)}  ${fact}\n${advice}`;
}

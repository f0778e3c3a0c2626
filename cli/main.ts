#!/usr/bin/env node
import { createProgram } from "./program.js";
import { reportError } from "./report-error.js";

// `stagecoach events | head` ends the reader first: that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const args = process.argv.slice(2);
try {
  await (await createProgram(args)).parseAsync(args, { from: "user" });
} catch (reason) {
  process.exitCode = reportError(reason, args.includes("--verbose"));
}
// A channel to the process that started this one would keep it alive.
if (process.connected) process.disconnect();

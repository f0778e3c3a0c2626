import { readFile } from "node:fs/promises";
import { reportError } from "../../cli/report-error.js";
import { askedToEnd } from "../../cli/serve.js";
import { StagecoachError } from "../../common/errors.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { type GpuBenchOptions, gpuBenchUsage, parseGpuBench } from "./gpu-bench-options.js";
import { type GpuReport, type PartReport, writeReport } from "./gpu-report.js";
import { GpuSampler } from "./gpu-sampler.js";
import { newReport } from "./new-report.js";
import { packedShape } from "./packed-shape.js";
import { renderGpuTables } from "./render-gpu-tables.js";
import { runParts } from "./run-parts.js";

process.exitCode = await main().catch((reason: unknown) => reportError(reason, true));

async function main(): Promise<number> {
  const command = parseGpuBench(process.argv.slice(2));
  switch (command.kind) {
    case "help":
      console.log(gpuBenchUsage);
      return 0;
    case "table":
      console.log(renderGpuTables(JSON.parse(await readFile(command.path, "utf8")) as GpuReport));
      return 0;
    case "measure":
      return await measure(command.options);
  }
}

/** 0 when every part is complete. */
async function measure(options: GpuBenchOptions): Promise<number> {
  const startedMs = performance.now();
  const onProgress = (line: string): void => {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stderr.write(`[${seconds.padStart(6)} s] ${line}\n`);
  };
  const ending = new AbortController();
  void askedToEnd().then(() => ending.abort(new StagecoachError("CANCELLED", "interrupted")));
  const outOfTime = `the budget of ${options.budgetSeconds} s is used up: --budget-s`;
  const timer = setTimeout(
    () => ending.abort(new StagecoachError("DEADLINE_EXCEEDED", outOfTime)),
    options.budgetSeconds * 1000,
  );
  const { signal } = ending;
  const gpuIndex = parseDevice(options.device).deviceIndex ?? 0;
  const sampler = options.device === "cpu" ? undefined : await GpuSampler.start(gpuIndex);
  try {
    onProgress(`packing random-${options.shape} as ${options.variant}, where that has not been done`);
    const manifest = await packedShape(options.home, options.shape, options.variant, signal);
    const report = await newReport(options, manifest);
    const onReport = async (part: keyof GpuReport["parts"], partReport: PartReport): Promise<void> => {
      report.parts[part] = partReport;
      await writeReport(options.outputPath, report);
    };
    await runParts({ options, model: manifest.model, sampler, signal, onProgress, onReport });
    report.ended = howItEnded(signal);
    await writeReport(options.outputPath, report);
    const states = options.parts.map((part) => `${part} ${report.parts[part]?.state ?? "not reached"}`);
    onProgress(`${report.ended}: ${states.join(", ")}`);
    return options.parts.every((part) => report.parts[part]?.state === "complete") ? 0 : 1;
  } finally {
    clearTimeout(timer);
    await sampler?.close();
  }
}

function howItEnded({ aborted, reason }: AbortSignal): GpuReport["ended"] {
  if (!aborted) return "complete";
  return StagecoachError.from(reason).code === "DEADLINE_EXCEEDED" ? "out of time" : "interrupted";
}

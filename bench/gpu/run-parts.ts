import { StagecoachError } from "../../common/errors.js";
import { measureEngine } from "./engine-part.js";
import {
  type GpuBenchOptions,
  type LonePartName,
  lonePartNames,
  type PartName,
} from "./gpu-bench-options.js";
import type { ClusterFacts, PartReport } from "./gpu-report.js";
import type { GpuSampler } from "./gpu-sampler.js";
import { measureHuggingFace } from "./hf-part.js";
import { type LocalCluster, type LocalClusterSpec, withLocalCluster } from "./local-cluster.js";
import { type ClusterPart, loadsOf, measureLoad } from "./measure-cluster.js";
import { tryMemory } from "./memory-part.js";

/** What parts are run with. */
export interface PartsContext {
  readonly options: GpuBenchOptions;
  /** The packed model's name. */
  readonly model: string;
  readonly sampler: GpuSampler | undefined;
  /** Aborts when nothing more is to be measured. */
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
  /** Hears what a part came to so far, after each of its measurements. */
  readonly onReport: (part: PartName, report: PartReport) => Promise<void>;
}

/**
 * Measures one part after another; those on clusters that are alike share one. A part that fails is told so in its
 * report, and the others go on.
 */
export async function runParts(context: PartsContext): Promise<void> {
  const { options, signal } = context;
  const waiting = new Set(options.parts);
  for (const part of options.parts) {
    if (signal.aborted || !waiting.has(part)) continue;
    if (!isClusterPart(part)) {
      await inReport([part], context, ([own]) => runAlone(part, own as OpenReport, context));
      continue;
    }
    const spec = clusterOf(part, options);
    const alike = options.parts.filter(
      (other): other is ClusterPart => isClusterPart(other) && sameCluster(clusterOf(other, options), spec),
    );
    for (const other of alike) waiting.delete(other);
    await inReport(alike, context, (reports) => runOnCluster(alike, spec, reports, context));
  }
}

/** A part's report while it is made. */
interface OpenReport {
  readonly report: PartReport;
  /** Tells what has been added. */
  add(more: Partial<PartReport>): Promise<void>;
}

async function runAlone(part: LonePartName, { add }: OpenReport, context: PartsContext): Promise<void> {
  const own = { ...context, onProgress: (line: string) => context.onProgress(`${part}: ${line}`) };
  switch (part) {
    case "engine":
      await measureEngine(own, (engine) => add({ engine }));
      break;
    case "hf":
      await measureHuggingFace(own, (huggingFace) => add({ huggingFace }));
      break;
    case "memory":
      await tryMemory(own, (memory) => add({ memory }));
      break;
  }
  await add({ state: "complete" });
}

async function runOnCluster(
  parts: readonly ClusterPart[],
  spec: LocalClusterSpec,
  reports: readonly OpenReport[],
  context: PartsContext,
): Promise<void> {
  const onProgress = (line: string): void => context.onProgress(`${parts.join(", ")}: ${line}`);
  await withLocalCluster(spec, { ...context, onProgress }, async (cluster) => {
    for (const [index, part] of parts.entries())
      await runPart(part, cluster, reports[index] as OpenReport, context);
  });
}

async function runPart(
  part: ClusterPart,
  cluster: LocalCluster,
  { report, add }: OpenReport,
  context: PartsContext,
): Promise<void> {
  const startedMs = performance.now();
  const seconds = (): number => (performance.now() - startedMs) / 1000;
  const onProgress = (line: string): void => context.onProgress(`${part}: ${line}`);
  await add({ cluster: factsOf(cluster) });
  for (const load of loadsOf(part, context.options)) {
    const run = await measureLoad(load, cluster, {
      ...context,
      onProgress: (line) => onProgress(`${load.label}, ${line}`),
    });
    onProgress(`${load.label}: ${run.medians.wholeTokensPerSecond.toFixed(0)} tok/s`);
    await add({ runs: [...(report.runs ?? []), run], seconds: seconds() });
  }
  await add({ state: "complete", seconds: seconds() });
}

/** Runs `body` with a report of each part; what it fails with stands in those that are not complete by then. */
async function inReport(
  parts: readonly PartName[],
  { signal, onReport, onProgress }: PartsContext,
  body: (reports: readonly OpenReport[]) => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  const reports = parts.map((part): OpenReport => {
    const report: PartReport = { state: "running", seconds: 0 };
    const add = async (more: Partial<PartReport>): Promise<void> => {
      Object.assign(report, { seconds: (performance.now() - startedMs) / 1000 }, more);
      await onReport(part, report);
    };
    return { report, add };
  });
  try {
    await body(reports);
  } catch (reason) {
    const state = signal.aborted ? "cut short" : "failed";
    const { message } = StagecoachError.from(signal.aborted ? signal.reason : reason);
    onProgress(`${parts.join(", ")}: ${state}: ${message}`);
    const open = reports.filter(({ report }) => report.state === "running");
    for (const { add } of open) await add({ state, reason: message });
  }
}

/** How many sequences a stage that decodes with few of them is to have room for at least. */
const fewestSequences = 8;

function clusterOf(part: ClusterPart, options: GpuBenchOptions): LocalClusterSpec {
  const { device, promptTokens, outputTokens, longPromptTokens, parts } = options;
  const longest = parts.includes("long-prompt") ? Math.max(promptTokens, longPromptTokens) : promptTokens;
  const limits = {
    maxNumSeqs: Math.max(fewestSequences, ...options.concurrencies),
    maxContext: longest + outputTokens + 16,
  };
  switch (part) {
    case "one":
    case "http":
    case "long-prompt":
    case "sampling":
      return { ...limits, stages: 1, workerDevices: [device] };
    case "two":
      return { ...limits, stages: 2, workerDevices: [device, device] };
    case "four":
      return { ...limits, stages: 4, workerDevices: times(4, device) };
    case "two-in-one":
      return { ...limits, stages: 2, workerDevices: [times(2, device).join(",")] };
    case "four-in-one":
      return { ...limits, stages: 4, workerDevices: [times(4, device).join(",")] };
    case "cards":
      return { ...limits, stages: options.cards.split(",").length, workerDevices: [options.cards] };
    case "mixed":
      return { ...limits, stages: 2, workerDevices: [device, "cpu"] };
  }
}

function times(count: number, device: string): string[] {
  return Array<string>(count).fill(device);
}

function isClusterPart(part: PartName): part is ClusterPart {
  return !lonePartNames.some((lone) => lone === part);
}

function sameCluster(one: LocalClusterSpec, other: LocalClusterSpec): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function factsOf({ status, startSeconds }: LocalCluster): ClusterFacts {
  const stages = status.workers.flatMap(({ stageIndex, workerId, device, stage }) =>
    stageIndex === undefined || stage === null
      ? []
      : [{ stageIndex, workerId, device, firstLayer: stage.firstLayer, endLayer: stage.endLayer }],
  );
  return {
    startSeconds,
    blockSizeTokens: status.replicas[0]?.blockSize ?? 0,
    stages: stages.sort((a, b) => a.stageIndex - b.stageIndex),
  };
}

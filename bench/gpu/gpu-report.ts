import { rename, writeFile } from "node:fs/promises";
import type { MachineState } from "../machine.js";
import type { BandwidthLimit } from "./bandwidth-limit.js";
import type { PartName } from "./gpu-bench-options.js";
import type { GpuUse } from "./gpu-sampler.js";
import type { MemoryReport } from "./memory-report.js";

/** What `gpu-bench` writes. Units stand in the names; a figure that could not be had is absent. */
export interface GpuReport {
  readonly schemaVersion: 1;
  readonly startedAt: string;
  /** `running` in a document that was left so: the run was killed. */
  ended: "running" | "complete" | "out of time" | "interrupted";
  readonly shape: string;
  readonly variant: string;
  readonly device: string;
  readonly workload: {
    readonly promptTokens: number;
    readonly outputTokens: number;
    readonly rounds: number;
  };
  readonly machine: MachineState & { readonly gpu?: GpuFacts };
  readonly versions: {
    readonly stagecoach: string;
    readonly commit?: string;
    readonly onnxruntimeNode: string;
  };
  /** What memory bandwidth allows; absent for a card whose bandwidth is not known. */
  readonly limit?: BandwidthLimit;
  readonly parts: Partial<Record<PartName, PartReport>>;
}

/** The card and its driver. */
export interface GpuFacts {
  readonly name: string;
  readonly driver: string;
  readonly totalBytes: number;
}

/** What a part came to; a part that failed or was cut short has what it measured until then. */
export interface PartReport {
  state: "running" | "complete" | "cut short" | "failed";
  seconds: number;
  reason?: string;
  engine?: EngineReport;
  cluster?: ClusterFacts;
  runs?: ClusterRun[];
  huggingFace?: HuggingFaceReport;
  memory?: MemoryReport;
}

/** The runner alone. */
export interface EngineReport {
  readonly weightBytes: number;
  readonly openSeconds: number;
  readonly decodes: Rounds<DecodeRound>[];
  readonly prefills: Rounds<PrefillRound>[];
}

/** A round of decode steps, one right after the other. */
export interface DecodeRound {
  readonly kind: "decode";
  readonly rows: number;
  readonly round: number;
  readonly promptTokens: number;
  readonly steps: number;
  readonly tokensPerSecond: number;
  readonly stepP50Ms: number;
  readonly stepP99Ms: number;
  readonly startUnixMs: number;
  readonly endUnixMs: number;
  readonly gpu?: GpuUse;
}

/** One chunk of a prompt. */
export interface PrefillRound {
  readonly kind: "prefill";
  readonly tokens: number;
  readonly round: number;
  readonly ms: number;
  readonly tokensPerSecond: number;
}

/** Where a cluster's layers lay. */
export interface ClusterFacts {
  readonly startSeconds: number;
  readonly blockSizeTokens: number;
  readonly stages: readonly {
    readonly stageIndex: number;
    readonly workerId: string;
    readonly device: string;
    readonly firstLayer: number;
    readonly endLayer: number;
  }[];
}

/** So many requests at once. */
export interface ClusterRun extends Rounds<ClusterRound> {
  readonly label: string;
  readonly front: "grpc" | "http";
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
}

/** One round on a cluster; see docs/benchmarks.md for what the rates mean. */
export interface ClusterRound {
  readonly durationMs: number;
  readonly wholeTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  readonly ttftP50Ms: number;
  readonly ttftP99Ms: number;
  readonly interTokenP50Ms: number;
  readonly interTokenP99Ms: number;
  readonly stages: readonly StageRound[];
  readonly coordinator: ProcessUse;
  readonly client: ProcessUse;
  readonly gpu?: GpuUse;
}

/** What a stage did during a round; shares are of the round's duration. */
export interface StageRound {
  readonly stageIndex: number;
  readonly workerId: string;
  readonly busyShare: number;
  readonly sendShare: number;
  /** Of the last hops into the stage. */
  readonly hopP50Ms: number;
  readonly hopP99Ms: number;
  /** Of its process's main thread. */
  readonly eventLoopShare: number;
}

/** What a process did with the processor. */
export interface ProcessUse {
  /** Share of the round in which its event loop did not wait. */
  readonly eventLoopShare: number;
  readonly cpuSeconds: number;
}

/** transformers' generate, as hf_generate.py prints it. */
export interface HuggingFaceReport {
  readonly versions: Readonly<Record<string, string>>;
  /** Read and written, by copies within the GPU's memory. */
  copyBytesPerSecond?: number;
  readonly runs: Rounds<HuggingFaceRound>[];
}

/** One call with so many sequences. */
export interface HuggingFaceRound {
  readonly kind: "generate";
  readonly rows: number;
  readonly round: number;
  readonly durationMs: number;
  /** A call for one token. */
  readonly ttftMs: number;
  readonly wholeTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

/** Rounds of the same thing and the medians of their figures. */
export interface Rounds<Round> {
  readonly medians: Round;
  readonly rounds: readonly Round[];
}

/** Writes a report; whoever reads it meanwhile sees a whole one. */
export async function writeReport(path: string, report: GpuReport): Promise<void> {
  const text = JSON.stringify(
    report,
    (_, value: unknown) => (typeof value === "number" && !Number.isFinite(value) ? undefined : value),
    2,
  );
  await writeFile(`${path}.part`, `${text}\n`);
  await rename(`${path}.part`, path);
}

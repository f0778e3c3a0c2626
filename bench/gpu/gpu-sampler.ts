import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { StagecoachError } from "../../common/errors.js";

/** What the driver said of a card during some time; means, and the most for memory. */
export interface GpuUse {
  /** Share of time in which the card computed anything at all, 0 to 1. */
  readonly busyShare: number;
  readonly powerWatts: number;
  readonly memoryUsedBytes: number;
  readonly samples: number;
}

/** One line of nvidia-smi. */
export interface GpuSample {
  readonly atUnixMs: number;
  readonly busyShare: number;
  /** NaN where the card does not tell. */
  readonly powerWatts: number;
  readonly memoryUsedBytes: number;
}

const sampleEveryMs = 200;
const mebibyte = 1_048_576;
const fields = "timestamp,utilization.gpu,power.draw,memory.used";

/** Samples a card by NVIDIA's own tool, in a process that lasts as long as the sampler. */
export class GpuSampler {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #samples: GpuSample[] = [];

  private constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const sample = parseSample(line, Date.now());
      if (sample !== undefined) this.#samples.push(sample);
    });
  }

  /** Undefined where there is no nvidia-smi. */
  static async start(gpuIndex: number, program = "nvidia-smi"): Promise<GpuSampler | undefined> {
    const child = spawn(
      program,
      [
        `--id=${gpuIndex}`,
        `--query-gpu=${fields}`,
        "--format=csv,noheader,nounits",
        `--loop-ms=${sampleEveryMs}`,
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    try {
      await once(child, "spawn");
      return new GpuSampler(child);
    } catch (reason) {
      const error = StagecoachError.from(reason);
      if (error.code === "NOT_FOUND") return undefined;
      throw error;
    }
  }

  /** What was seen between two times of `Date.now()`; undefined where that is less than one sample. */
  between(startUnixMs: number, endUnixMs: number): GpuUse | undefined {
    return useOf(
      this.#samples.filter(
        ({ atUnixMs }) => atUnixMs >= startUnixMs && atUnixMs <= endUnixMs + sampleEveryMs,
      ),
    );
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

/** Of `2026/05/01 12:34:56.789, 97, 512.34, 40321`; a line without a time that can be read came at `nowUnixMs`. */
export function parseSample(line: string, nowUnixMs: number): GpuSample | undefined {
  const [time = "", busy, power, memory] = line.split(",").map((field) => field.trim());
  const [busyPercent, powerWatts, memoryMebibytes] = [Number(busy), Number(power), Number(memory)];
  if (!Number.isFinite(busyPercent) || !Number.isFinite(memoryMebibytes)) return undefined;
  const told = Date.parse(time.replaceAll("/", "-").replace(" ", "T"));
  return {
    atUnixMs: Number.isFinite(told) ? told : nowUnixMs,
    busyShare: busyPercent / 100,
    powerWatts,
    memoryUsedBytes: memoryMebibytes * mebibyte,
  };
}

/** Sums samples up; undefined of none. */
export function useOf(samples: readonly GpuSample[]): GpuUse | undefined {
  if (samples.length === 0) return undefined;
  const mean = (of: (sample: GpuSample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  return {
    busyShare: mean(({ busyShare }) => busyShare),
    powerWatts: mean(({ powerWatts }) => powerWatts),
    memoryUsedBytes: Math.max(...samples.map(({ memoryUsedBytes }) => memoryUsedBytes)),
    samples: samples.length,
  };
}

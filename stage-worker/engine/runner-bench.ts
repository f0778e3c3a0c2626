import { greedySampling } from "../../common/greedy-sampling.js";
import type { Manifest } from "../../model/store/manifest.js";
import { BenchInput } from "./bench-input.js";
import type { TimedRows } from "./fit-line.js";
import type { RunnerOptions, SamplingParameters, StageRunner } from "./stage-runner.js";
import { cpuPace, type Pace, timeMedian } from "./time-rounds.js";

/** Of the options that a runner was opened with, those that a bench needs. */
type OpenedWith = Pick<RunnerOptions, "blockSize" | "blockCount" | "activationDtype">;

/** A sequence that is open. */
interface BenchSequence {
  /** Tokens in KV. */
  length: number;
  /** Blocks that cover its beginning, its own and shared ones. */
  blockCount: number;
  readonly ownBlocks: number[];
}

/** How a bench goes about it. */
interface BenchManner {
  /** Defaults to a CPU's. */
  readonly pace?: Pace;
  /** What its sequences ask for. Defaults to greedy. */
  readonly sampling?: SamplingParameters;
}

/** Tokens of a run that only brings sequences to their context. */
const fillTokens = 2048;
/** A run longer than this makes larger ones not worth their time. */
const longEnoughMs = 300;

/** Drives one runner with sequences of its own making. */
export class RunnerBench {
  readonly #runner: StageRunner;
  readonly #input: BenchInput;
  readonly #blockSize: number;
  readonly #pace: Pace;
  readonly #sampling: SamplingParameters;
  readonly #sequences = new Map<number, BenchSequence>();
  /** Blocks that no sequence has. */
  readonly #free: number[];
  #nextId = 1;
  #wallMs = 0;
  #processorMs = 0;

  /** `opened`: what the runner was opened with, its blocks counted. */
  constructor(
    runner: StageRunner,
    config: Manifest["config"],
    input: "tokens" | "hidden",
    opened: OpenedWith,
    { pace = cpuPace, sampling = greedySampling }: BenchManner = {},
  ) {
    this.#runner = runner;
    const { activationDtype = "FLOAT32" } = opened;
    this.#input = new BenchInput(config, input === "tokens" ? undefined : activationDtype);
    this.#blockSize = opened.blockSize;
    this.#pace = pace;
    this.#sampling = sampling;
    this.#free = Array.from({ length: opened.blockCount }, (_, block) => opened.blockCount - 1 - block);
  }

  /**
   * Share of the time computed so far in which this process had a processor, 0 to 1; less than 1 when others
   * kept the machine busy. With several threads it sees less than there is.
   */
  get processorShare(): number {
    return this.#wallMs === 0 ? 1 : Math.min(1, this.#processorMs / this.#wallMs);
  }

  /** Median milliseconds of one first chunk. */
  async timePrefill(tokens: number): Promise<number> {
    return await timeMedian(this.#pace, () => this.timeOnce(tokens));
  }

  /** Median milliseconds of first chunks of so many tokens, ascending; the largest are left out where runs get long. */
  async timePrefills(tokenCounts: readonly number[]): Promise<TimedRows[]> {
    return await untilLong(tokenCounts, (tokens) => this.timePrefill(tokens));
  }

  /** Milliseconds of one first chunk of so many tokens. */
  async timeOnce(tokens: number): Promise<number> {
    const ids = this.#open(1);
    const ms = await this.#forward(ids, tokens);
    this.#close(ids);
    return ms;
  }

  /**
   * Median milliseconds of one token each of so many sequences that have about `context` tokens already, for
   * each of the counts, ascending; the largest are left out where runs get long. They share their beginning, as with
   * a cached prefix, so only one of them is computed, but for what is in a block of each where a runner cannot begin
   * inside one.
   * `before`: what the machine does before each of the timed steps.
   */
  async timeDecodes(
    rowCounts: readonly number[],
    context: number,
    before?: () => Promise<unknown>,
  ): Promise<TimedRows[]> {
    const shared = this.#open(1);
    if (context > 0) await this.#forward(shared, context);
    const blocks = this.#sequences.get(shared[0] as number)?.ownBlocks.slice() ?? [];
    const own = this.#runner.beginsInsideBlocks ? 0 : context % this.#blockSize;
    const cachedBlocks = blocks.slice(0, Math.ceil((context - own) / this.#blockSize));
    const timed = await untilLong(rowCounts, async (rows) => {
      // Anew for each count, so that all of them begin with the same context.
      const ids = this.#open(rows, context - own, cachedBlocks);
      await this.#fill(ids, own);
      const ms = await timeMedian(this.#pace, () => this.#forward(ids, 1), before);
      this.#close(ids);
      return ms;
    });
    this.#close(shared);
    return timed;
  }

  /**
   * Milliseconds of each of so many decode steps of so many sequences, one right after the other, as a busy stage
   * computes them. Every sequence has read `promptTokens` of its own before, so that no two share what attention reads.
   */
  async timeSteps(rows: number, promptTokens: number, steps: number): Promise<number[]> {
    const ids = this.#open(rows);
    await this.#fill(ids, promptTokens);
    const times: number[] = [];
    while (times.length < steps) times.push(await this.#forward(ids, 1));
    this.#close(ids);
    return times;
  }

  async close(): Promise<void> {
    await this.#runner.close();
  }

  #open(count: number, cachedLength = 0, cachedBlocks: readonly number[] = []): number[] {
    const ids = Array.from({ length: count }, () => this.#nextId++);
    this.#runner.open(
      ids.map((sequenceId) => ({
        sequenceId,
        history: noTokens,
        promptLength: 1,
        cachedLength,
        cachedBlocks,
        sampling: this.#sampling,
      })),
    );
    // A block that is partly cached is copied from; its place is taken by one of the sequence's own.
    const blockCount = Math.floor(cachedLength / this.#blockSize);
    for (const id of ids) this.#sequences.set(id, { length: cachedLength, blockCount, ownBlocks: [] });
    return ids;
  }

  /** Has each sequence read so many tokens, several at once where they are short. */
  async #fill(ids: readonly number[], tokens: number): Promise<void> {
    if (tokens === 0) return;
    const atOnce = Math.max(1, Math.floor(fillTokens / tokens));
    for (let from = 0; from < ids.length; from += atOnce) {
      await this.#forward(ids.slice(from, from + atOnce), tokens);
    }
  }

  #close(ids: readonly number[]): void {
    this.#runner.closeSequences(ids.map((sequenceId) => ({ sequenceId, keptBlocks: 0 })));
    for (const id of ids) {
      this.#free.push(...(this.#sequences.get(id)?.ownBlocks ?? []));
      this.#sequences.delete(id);
    }
  }

  async #forward(ids: readonly number[], tokens: number): Promise<number> {
    const sequences = ids.map((id) => this.#sequences.get(id) as BenchSequence);
    const batch = {
      lane: 0,
      sequenceIds: ids,
      contextLengths: sequences.map(({ length }) => length),
      lengths: ids.map(() => tokens),
      sample: ids.map(() => true),
      newBlocks: sequences.map((sequence) => this.#newBlocks(sequence, tokens)),
    };
    const input = this.#input.of(ids.length * tokens);
    const before = process.cpuUsage();
    const startedMs = performance.now();
    await this.#runner.forward(batch, input);
    const ms = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(before);
    this.#wallMs += ms;
    this.#processorMs += (user + system) / 1000;
    for (const sequence of sequences) sequence.length += tokens;
    return ms;
  }

  /** Takes what a sequence lacks for so many more tokens. */
  #newBlocks(sequence: BenchSequence, tokens: number): number[] {
    const needed = Math.ceil((sequence.length + tokens) / this.#blockSize);
    const blocks = this.#free.splice(this.#free.length - (needed - sequence.blockCount));
    sequence.ownBlocks.push(...blocks);
    sequence.blockCount = needed;
    return blocks;
  }
}

async function untilLong(
  counts: readonly number[],
  time: (count: number) => Promise<number>,
): Promise<TimedRows[]> {
  const timed: TimedRows[] = [];
  for (const rows of counts) {
    // Two tell how it grows.
    if (timed.length >= 2 && (timed.at(-1)?.ms ?? 0) > longEnoughMs) break;
    timed.push({ rows, ms: await time(rows) });
  }
  return timed;
}

const noTokens = new Uint32Array(0);

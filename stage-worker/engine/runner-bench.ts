import { greedySampling } from "../../common/greedy-sampling.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { TimedRows } from "./fit-line.js";
import { median } from "./percentile.js";
import type { RunnerOptions, SamplingParameters, StageInput, StageRunner } from "./stage-runner.js";

/** Limits of a runner that is measured. */
export type BenchLimits = Pick<
  RunnerOptions,
  "blockSize" | "blockCount" | "maxSequences" | "maxContext" | "laneCount"
>;

/** Room for 17 sequences of 256 tokens, in blocks as the device wants them; 0 takes any. */
export function benchLimits(wantedBlockSize: number): BenchLimits {
  const [maxSequences, maxContext] = [17, 256];
  const blockSize = wantedBlockSize || 16;
  const blockCount = maxSequences * Math.ceil(maxContext / blockSize);
  return { blockSize, blockCount, maxSequences, maxContext, laneCount: 1 };
}

/** How often a thing is timed: until the time is used up, within these numbers of rounds. */
const rounds = { least: 3, most: 16, budgetMs: 250 };
/** A stage mostly waits for others between two steps, and finds its caches colder than a loop would. */
const longestPauseMs = 10;

/** Drives one runner with sequences of its own making. */
export class RunnerBench {
  readonly #runner: StageRunner;
  readonly #config: Manifest["config"];
  readonly #input: "tokens" | "hidden";
  readonly #maxSequences: number;
  readonly #blockSize: number;
  readonly #blocksPerSequence: number;
  readonly #sampling: SamplingParameters;
  /** Tokens in KV of each open sequence. */
  readonly #lengths = new Map<number, number>();
  /** Which share of the blocks an open sequence owns. */
  readonly #slots = new Map<number, number>();
  /** Open sequences that were given their own blocks. */
  readonly #equipped = new Set<number>();
  #nextId = 1;
  #wallMs = 0;
  #processorMs = 0;

  /** `limits`: those that the runner was opened with; `sampling`: what its sequences ask for, greedy unless said. */
  constructor(
    runner: StageRunner,
    config: Manifest["config"],
    input: "tokens" | "hidden",
    limits: Pick<BenchLimits, "blockSize" | "maxSequences" | "maxContext">,
    sampling: SamplingParameters = greedySampling,
  ) {
    this.#sampling = sampling;
    this.#maxSequences = limits.maxSequences;
    this.#blockSize = limits.blockSize;
    this.#blocksPerSequence = Math.ceil(limits.maxContext / limits.blockSize);
    this.#runner = runner;
    this.#config = config;
    this.#input = input;
  }

  /**
   * Share of the time computed so far in which this process had a processor, 0 to 1; less than 1 when others
   * kept the machine busy. With several threads it sees less than there is.
   */
  get processorShare(): number {
    return this.#wallMs === 0 ? 1 : Math.min(1, this.#processorMs / this.#wallMs);
  }

  /** Median milliseconds of a first chunk of so many tokens. */
  async timePrefill(tokens: number): Promise<number> {
    return await timeMedian(() => this.timeOnce(tokens));
  }

  /** Milliseconds of one first chunk of so many tokens. */
  async timeOnce(tokens: number): Promise<number> {
    const [id] = this.#open(1) as [number];
    const ms = await this.#forward([id], tokens);
    this.#close([id]);
    return ms;
  }

  /**
   * Median milliseconds of one token each of so many sequences that have about `context` tokens already, for
   * each of the counts. They share their beginning, as with a cached prefix, so only one of them is computed, but
   * for what is in a block of each where a runner cannot begin inside one.
   * `before`: what the machine does before each of the timed steps.
   */
  async timeDecodes(
    rowCounts: readonly number[],
    context: number,
    before: () => Promise<unknown> = () => Promise.resolve(),
  ): Promise<TimedRows[]> {
    const ids = await this.#openWithContext(Math.max(...rowCounts), context);
    const timed: TimedRows[] = [];
    for (const rows of rowCounts)
      timed.push({ rows, ms: await timeMedian(() => this.#forward(ids.slice(0, rows), 1), before) });
    this.#close(ids);
    return timed;
  }

  /**
   * Milliseconds of each of so many decode steps of so many sequences, one right after the other, as a busy stage
   * computes them. Every sequence has read `promptTokens` of its own before, so that no two share what attention reads.
   */
  async timeSteps(rows: number, promptTokens: number, steps: number): Promise<number[]> {
    const ids = this.#open(rows);
    for (const id of ids) await this.#forward([id], promptTokens);
    const times: number[] = [];
    while (times.length < steps) times.push(await this.#forward(ids, 1));
    this.#close(ids);
    return times;
  }

  async close(): Promise<void> {
    await this.#runner.close();
  }

  async #openWithContext(count: number, context: number): Promise<number[]> {
    if (context === 0) return this.#open(count);
    const [first] = this.#open(1) as [number];
    await this.#forward([first], context);
    const own = this.#runner.beginsInsideBlocks ? 0 : context % this.#blockSize;
    const shared = context - own;
    const blocks = this.#blocksOf(first).slice(0, Math.ceil(shared / this.#blockSize));
    const others = this.#open(count - 1, shared, blocks);
    if (own > 0 && others.length > 0) await this.#forward(others, own);
    return [first, ...others];
  }

  #open(count: number, cachedLength = 0, cachedBlocks: readonly number[] = []): number[] {
    const ids = Array.from({ length: count }, () => this.#nextId++);
    const taken = new Set(this.#slots.values());
    const free = Array.from({ length: this.#maxSequences }, (_, slot) => slot).filter(
      (slot) => !taken.has(slot),
    );
    for (const [index, id] of ids.entries()) {
      this.#slots.set(id, free[index] as number);
      this.#lengths.set(id, cachedLength);
    }
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
    return ids;
  }

  #close(ids: readonly number[]): void {
    this.#runner.closeSequences(ids.map((sequenceId) => ({ sequenceId, keptBlocks: 0 })));
    for (const id of ids) {
      this.#slots.delete(id);
      this.#lengths.delete(id);
      this.#equipped.delete(id);
    }
  }

  async #forward(ids: readonly number[], tokens: number): Promise<number> {
    const contexts = ids.map((id) => this.#lengths.get(id) as number);
    const batch = {
      lane: 0,
      sequenceIds: ids,
      contextLengths: contexts,
      lengths: ids.map(() => tokens),
      sample: ids.map(() => true),
      newBlocks: ids.map((id) => (this.#equipped.has(id) ? [] : this.#blocksOf(id))),
    };
    for (const id of ids) this.#equipped.add(id);
    const input = this.#makeInput(ids.length * tokens);
    const before = process.cpuUsage();
    const startedMs = performance.now();
    await this.#runner.forward(batch, input);
    const ms = performance.now() - startedMs;
    const { user, system } = process.cpuUsage(before);
    this.#wallMs += ms;
    this.#processorMs += (user + system) / 1000;
    for (const [index, id] of ids.entries()) this.#lengths.set(id, (contexts[index] as number) + tokens);
    return ms;
  }

  #blocksOf(id: number): number[] {
    const first = (this.#slots.get(id) as number) * this.#blocksPerSequence;
    return Array.from({ length: this.#blocksPerSequence }, (_, index) => first + index);
  }

  #makeInput(tokens: number): StageInput {
    const { vocabularySize, hiddenSize } = this.#config;
    if (this.#input === "tokens") {
      return {
        kind: "tokens",
        tokenIds: Uint32Array.from({ length: tokens }, (_, i) => (i * 7919) % vocabularySize),
      };
    }
    // Zeros and subnormals take other paths than real activations.
    return {
      kind: "hidden",
      dtype: "FLOAT32",
      data: Float32Array.from({ length: tokens * hiddenSize }, (_, i) => Math.sin(i)),
    };
  }
}

/** The first round warms up and does not count. */
async function timeMedian(
  round: () => Promise<number>,
  before: () => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  let ms = await round();
  const times: number[] = [];
  let spentMs = 0;
  while (times.length < rounds.least || (times.length < rounds.most && spentMs < rounds.budgetMs)) {
    Atomics.wait(cell, 0, 0, Math.min(ms, longestPauseMs));
    await before();
    ms = await round();
    times.push(ms);
    spentMs += ms;
  }
  return median(times);
}

const cell = new Int32Array(new SharedArrayBuffer(4));

const noTokens = new Uint32Array(0);

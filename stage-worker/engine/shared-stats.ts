import { type Activity, type ActivityTimes, activities, timesAt } from "./accounting.js";
import { percentile } from "./percentile.js";

/** What an engine reports of itself at any moment, also in the middle of a computation. */
export interface EngineStats {
  /** Microseconds since the engine was ready. */
  readonly times: ActivityTimes;
  /** Forward frames computed. */
  readonly steps: number;
  /** Tokens that went through them. */
  readonly tokens: number;
  readonly blocksUsed: number;
  readonly sequences: number;
  /** Time added by the hop into this engine over the last frames, microseconds; 0 before the first. */
  readonly hopP50Us: number;
  readonly hopP99Us: number;
}

/** Hops that are remembered for the percentiles. */
const hopCapacity = 512;
const slots = {
  times: 0,
  activity: 4,
  sinceUs: 5,
  steps: 6,
  tokens: 7,
  blocksUsed: 8,
  sequences: 9,
  hops: 10,
};
const wordCount = slots.hops + 1 + hopCapacity;

/**
 * Figures of an engine in memory that both of its threads see, so that reading them never waits for a
 * computation. One thread writes; readers retry while the version is odd or has changed (a seqlock).
 */
export class SharedStats {
  readonly buffer: SharedArrayBuffer;
  readonly #version: Int32Array;
  readonly #words: Float64Array;

  /** Lays new statistics out, or those of `buffer`, which the other thread made. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(8 + wordCount * 8)) {
    this.buffer = buffer;
    this.#version = new Int32Array(buffer, 0, 1);
    this.#words = new Float64Array(buffer, 8, wordCount);
  }

  writeAccount(times: ActivityTimes, activity: Activity, sinceUs: number): void {
    this.#write((words) => {
      for (const [index, name] of activities.entries()) words[slots.times + index] = times[name];
      words[slots.activity] = activities.indexOf(activity);
      words[slots.sinceUs] = sinceUs;
    });
  }

  addStep(tokenCount: number): void {
    this.#write((words) => {
      words[slots.steps] = (words[slots.steps] as number) + 1;
      words[slots.tokens] = (words[slots.tokens] as number) + tokenCount;
    });
  }

  writeUsage({ blocksUsed, sequences }: { blocksUsed: number; sequences: number }): void {
    this.#write((words) => {
      words[slots.blocksUsed] = blocksUsed;
      words[slots.sequences] = sequences;
    });
  }

  addHop(hopUs: number): void {
    this.#write((words) => {
      const count = words[slots.hops] as number;
      words[slots.hops + 1 + (count % hopCapacity)] = hopUs;
      words[slots.hops] = count + 1;
    });
  }

  read(nowUs: number): EngineStats {
    const words = this.#snapshot();
    const at = (slot: number): number => words[slot] as number;
    const times = Object.fromEntries(
      activities.map((name, index) => [name, at(slots.times + index)]),
    ) as ActivityTimes;
    const activity = activities[at(slots.activity)] as Activity;
    const hopCount = Math.min(at(slots.hops), hopCapacity);
    const hops = words.subarray(slots.hops + 1, slots.hops + 1 + hopCount).sort();
    return {
      times: timesAt({ times, activity, sinceUs: at(slots.sinceUs) }, nowUs),
      steps: at(slots.steps),
      tokens: at(slots.tokens),
      blocksUsed: at(slots.blocksUsed),
      sequences: at(slots.sequences),
      hopP50Us: percentile(hops, 0.5),
      hopP99Us: percentile(hops, 0.99),
    };
  }

  #write(change: (words: Float64Array) => void): void {
    Atomics.add(this.#version, 0, 1);
    change(this.#words);
    Atomics.add(this.#version, 0, 1);
  }

  #snapshot(): Float64Array {
    for (;;) {
      const before = Atomics.load(this.#version, 0);
      const copy = this.#words.slice();
      if (before % 2 === 0 && Atomics.load(this.#version, 0) === before) return copy;
    }
  }
}

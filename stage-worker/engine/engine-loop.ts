import type { SampledToken } from "../../common/token-codec.js";
import { Accounting, type Activity } from "./accounting.js";
import { isDeviceLost } from "./device-failure.js";
import { type EngineFrame, type EngineResult, failureOf } from "./engine-messages.js";
import { SampledTokens } from "./sampled-tokens.js";
import type { SharedCount } from "./shared-count.js";
import type { SharedStats } from "./shared-stats.js";
import type { StageRunner } from "./stage-runner.js";
import { withoutSequences } from "./without-sequences.js";

/** What an engine loop works with; clocks are given so that tests need none. */
export interface EngineLoopOptions {
  readonly runner: StageRunner;
  readonly stats: SharedStats;
  /** Results that have left. */
  readonly departures: SharedCount;
  /** Results that may be on their way out before the engine waits for them to leave. */
  readonly maxUnsent: () => number;
  /** Sends a result on its way. */
  readonly emit: (result: EngineResult) => void;
  /** Whole microseconds, monotonic. */
  readonly clockUs: () => number;
  /** Microseconds since the Unix epoch. */
  readonly wallUs: () => number;
}

/** What a loop is told. */
export type LoopMessage =
  /** `postedAtUs` is when the frame reached this process, where that was seen. */
  | { kind: "frame"; frame: EngineFrame; postedAtUs?: number }
  /** Results have left that the loop waits for. */
  | { kind: "departed" }
  /** The last stage has answered a step; see `followTokens`. */
  | { kind: "tokens"; tokens: readonly SampledToken[] };

type QueuedFrame = Extract<LoopMessage, { kind: "frame" }>;

/**
 * Computes frames one after another, in the order in which they come, and gives one result for each. It stops
 * while results have not left yet, so that a slow next stage is felt here and, through the bounded queue, by
 * whoever sends.
 */
export class EngineLoop {
  readonly #options: EngineLoopOptions;
  readonly #accounting: Accounting;
  readonly #queue: QueuedFrame[] = [];
  /** Sequences that failed here; later frames with them were sent before the coordinator knew. */
  readonly #broken = new Set<number>();
  readonly #tokens = new SampledTokens();
  /** Results given, modulo 2^32 as departures are counted. */
  #given = 0;
  #running = false;
  #work: Promise<void> = Promise.resolve();
  #idleSinceUs: number;

  constructor(options: EngineLoopOptions) {
    this.#options = options;
    this.#accounting = new Accounting(options.clockUs);
    this.#idleSinceUs = options.wallUs();
    this.#enter("waitIn");
  }

  /** From here on every Forward is answered by a message of tokens, in their order. */
  followTokens(): void {
    this.#tokens.follow();
  }

  /** Takes a frame, tokens, or the news that results have left; resolves when there is nothing more to do now. */
  async receive(message: LoopMessage): Promise<void> {
    if (message.kind === "frame") {
      this.#countHop(message);
      this.#queue.push(message);
    }
    if (message.kind === "tokens") {
      for (const sequenceId of this.#tokens.arrived(message.tokens)) this.#broken.add(sequenceId);
    }
    if (!this.#running) this.#work = this.#run();
    await this.#work;
  }

  /** Forgets the frames that wait and resolves when the one being computed is done. */
  async stop(): Promise<void> {
    this.#queue.length = 0;
    await this.#work;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#hasWork() && this.#mayGive()) {
      const { frame } = this.#queue.shift() as QueuedFrame;
      this.#enter("busy");
      const result = await this.#compute(frame);
      this.#enter("send");
      if (frame.kind === "forward") this.#tokens.passedOn(frame.batch);
      this.#given = (this.#given + 1) | 0;
      this.#options.stats.writeUsage(this.#options.runner.usage());
      this.#options.emit(result);
    }
    this.#running = false;
    this.#idleSinceUs = this.#options.wallUs();
    this.#enter(this.#hasWork() ? "waitOut" : "waitIn");
  }

  /** Whether a frame is here with all that it is computed from. */
  #hasWork(): boolean {
    const frame = this.#queue[0]?.frame;
    return frame !== undefined && (frame.kind !== "forward" || this.#tokens.has(frame.batch, frame.input));
  }

  /** Whether few enough results are on their way out. If not, a message will come when one has left. */
  #mayGive(): boolean {
    const { departures, maxUnsent } = this.#options;
    const unsent = (): number => (this.#given - departures.count) | 0;
    if (unsent() < maxUnsent()) return true;
    departures.wait();
    return unsent() < maxUnsent();
  }

  async #compute(frame: EngineFrame): Promise<EngineResult> {
    switch (frame.kind) {
      case "open":
        return this.#open(frame);
      case "forward":
        return await this.#forward(frame);
      case "close":
        return this.#close(frame);
    }
  }

  #open({ openings }: Extract<EngineFrame, { kind: "open" }>): EngineResult {
    const refused: number[] = [];
    let firstReason: unknown;
    // One by one: an opening on blocks of a sequence that failed here takes no other with it.
    for (const opening of openings) {
      try {
        this.#options.runner.open([opening]);
      } catch (reason) {
        firstReason ??= reason;
        refused.push(opening.sequenceId);
      }
    }
    return refused.length > 0 ? this.#fail(firstReason, refused) : { doneAtUs: this.#options.wallUs() };
  }

  async #forward(frame: Extract<EngineFrame, { kind: "forward" }>): Promise<EngineResult> {
    // Frames with sequences that failed were under way when they did, and must not take others with them.
    const { batch, input } = withoutSequences(frame, this.#broken);
    const changed = batch === frame.batch ? {} : { remaining: batch };
    if (batch.sequenceIds.length === 0) return { ...changed, doneAtUs: this.#options.wallUs() };
    try {
      const output = await this.#options.runner.forward(batch, this.#tokens.fill(batch, input));
      if (output.kind === "tokens") this.#tokens.remember(output.tokens);
      this.#options.stats.addStep(batch.lengths.reduce((sum, length) => sum + length, 0));
      if (output.failed === undefined) return { ...changed, output, doneAtUs: this.#options.wallUs() };
      const result = this.#fail(output.failed.reason, output.failed.sequenceIds);
      return { ...result, output, remaining: withoutSequences({ batch, input }, this.#broken).batch };
    } catch (reason) {
      // The rest would fail as well: the stage has to end, not to go through what waits.
      if (isDeviceLost(reason)) throw reason;
      return this.#fail(reason, batch.sequenceIds);
    }
  }

  #close({ closings }: Extract<EngineFrame, { kind: "close" }>): EngineResult {
    for (const { sequenceId } of closings) this.#broken.delete(sequenceId);
    this.#tokens.forget(closings);
    try {
      this.#options.runner.closeSequences(closings);
      return { doneAtUs: this.#options.wallUs() };
    } catch (reason) {
      const sequenceIds = closings.map(({ sequenceId }) => sequenceId);
      return { failure: failureOf(reason, sequenceIds), doneAtUs: this.#options.wallUs() };
    }
  }

  #fail(reason: unknown, sequenceIds: readonly number[]): EngineResult {
    for (const sequenceId of sequenceIds) this.#broken.add(sequenceId);
    return { failure: failureOf(reason, sequenceIds), doneAtUs: this.#options.wallUs() };
  }

  #enter(activity: Activity): void {
    this.#accounting.enter(activity);
    this.#options.stats.writeAccount(this.#accounting.finished(), activity, this.#accounting.sinceUs);
  }

  /**
   * A hop ends when an idle engine has the frame. Where it comes to a working one, it ends when it reaches this
   * process, if that is seen; over a link it is not, since only the engine's thread looks, and what counts then
   * is the time from where the engine could look.
   */
  #countHop({ frame, postedAtUs }: QueuedFrame): void {
    if (frame.kind !== "forward" || frame.sentAtUs === 0) return;
    const { stats, wallUs } = this.#options;
    const idle = !this.#running && this.#queue.length === 0;
    if (postedAtUs === undefined) {
      if (idle) stats.addHop(Math.max(0, wallUs() - Math.max(frame.sentAtUs, this.#idleSinceUs)));
      return;
    }
    const arrivedAtUs = idle && postedAtUs >= this.#idleSinceUs ? wallUs() : postedAtUs;
    stats.addHop(Math.max(0, arrivedAtUs - frame.sentAtUs));
  }
}

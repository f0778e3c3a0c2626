import type { Worker } from "node:worker_threads";
import { StagecoachError } from "../../common/errors.js";
import { startThread } from "../../common/start-thread.js";
import { monotonicUs, WallClock } from "../../common/wall-clock.js";
import type { RunnerSpec } from "./create-runner.js";
import { Departures } from "./departures.js";
import type { EngineFrame, EngineResult, EngineThreadData, FromEngine, ToEngine } from "./engine-messages.js";
import { type EngineStats, SharedStats } from "./shared-stats.js";

/** Frames that may be with the engine: the one it computes and two that wait. */
export const maxFramesAtEngine = 3;

/** What an engine tells whoever started it. */
export interface EngineListeners {
  /** One for each frame, in their order. */
  onResult(result: EngineResult): void;
  /** The engine is gone and will give no more results. Not called for `close`. */
  onBroken(reason: StagecoachError): void;
}

const closeTimeoutMs = 5_000;

/**
 * The gRPC thread's side of an engine: a runner in a thread of its own. Frames and results move by transfer;
 * statistics are read without asking the thread.
 */
export class EngineHost {
  readonly blockCount: number;
  readonly weightBytes: number;
  readonly #thread: Worker;
  readonly #stats: SharedStats;
  readonly #departures: Departures;
  readonly #wall = new WallClock();
  #closing: Promise<void> | undefined;

  /**
   * Starts the thread and resolves when its runner is there.
   * @throws StagecoachError what the runner threw; the signal's reason when it aborts first
   */
  static async start(spec: RunnerSpec, listeners: EngineListeners, signal: AbortSignal): Promise<EngineHost> {
    signal.throwIfAborted();
    const stats = new SharedStats();
    const departures = new Departures();
    const data: EngineThreadData = { spec, stats: stats.buffer, departures: departures.buffer };
    const thread = startThread(import.meta.url, "engine-thread", data);
    try {
      const { blockCount, weightBytes } = await firstMessage(thread, signal);
      return new EngineHost(thread, { stats, departures }, { blockCount, weightBytes }, listeners);
    } catch (reason) {
      await thread.terminate();
      throw reason;
    }
  }

  private constructor(
    thread: Worker,
    shared: { stats: SharedStats; departures: Departures },
    facts: { blockCount: number; weightBytes: number },
    listeners: EngineListeners,
  ) {
    this.blockCount = facts.blockCount;
    this.weightBytes = facts.weightBytes;
    this.#thread = thread;
    this.#stats = shared.stats;
    this.#departures = shared.departures;
    thread.on("message", (message: FromEngine) => {
      if (this.#closing !== undefined) return;
      if (message.kind === "result") listeners.onResult(message.result);
      if (message.kind === "broken") this.#lost(errorOf(message), listeners);
    });
    thread.once("error", (reason) => this.#lost(StagecoachError.from(reason, "INTERNAL"), listeners));
    thread.once("exit", () =>
      this.#lost(new StagecoachError("INTERNAL", "the engine's thread ended"), listeners),
    );
  }

  /** Hands a frame over. Memory of its input moves to the engine and is empty here afterwards. */
  submit(frame: EngineFrame): void {
    this.#post({ kind: "frame", frame, postedAtUs: this.#wall.nowUs() }, memoryOf(frame));
  }

  /** Tells the engine that one of its results has left the process. */
  resultSent(): void {
    if (this.#departures.add()) this.#post({ kind: "departed" });
  }

  stats(): EngineStats {
    return this.#stats.read(monotonicUs());
  }

  /** Frees everything the runner holds; results of frames still under way are dropped. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#thread.once("exit", resolve));
    this.#post({ kind: "stop" });
    const timer = setTimeout(() => void this.#thread.terminate(), closeTimeoutMs);
    await exited;
    clearTimeout(timer);
  }

  #lost(reason: StagecoachError, listeners: EngineListeners): void {
    if (this.#closing !== undefined) return;
    this.#closing = this.#thread.terminate().then(() => undefined);
    listeners.onBroken(reason);
  }

  #post(message: ToEngine, transfer: ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transfer);
  }
}

function memoryOf(frame: EngineFrame): ArrayBuffer[] {
  if (frame.kind !== "forward") return [];
  const { input } = frame;
  return [(input.kind === "tokens" ? input.tokenIds : input.hidden).buffer as ArrayBuffer];
}

function firstMessage(thread: Worker, signal: AbortSignal): Promise<Extract<FromEngine, { kind: "ready" }>> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    const ended = (): void =>
      reject(new StagecoachError("INTERNAL", "the engine's thread ended while opening"));
    thread.once("exit", ended);
    thread.once("error", (reason) => reject(StagecoachError.from(reason, "INTERNAL")));
    thread.once("message", (message: FromEngine) => {
      signal.removeEventListener("abort", abort);
      thread.off("exit", ended);
      if (message.kind === "ready") resolve(message);
      else
        reject(message.kind === "broken" ? errorOf(message) : new StagecoachError("INTERNAL", message.kind));
    });
  });
}

function errorOf({ failure }: Extract<FromEngine, { kind: "broken" }>): StagecoachError {
  return new StagecoachError(failure.code, failure.message);
}

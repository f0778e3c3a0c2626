import { setTimeout as sleep } from "node:timers/promises";
import type { MessagePort, Worker } from "node:worker_threads";
import { StagecoachError } from "../../common/errors.js";
import { startThread } from "../../common/start-thread.js";
import { monotonicUs, WallClock } from "../../common/wall-clock.js";
import type { RunnerSpec } from "./create-runner.js";
import {
  type EngineNews,
  type EngineThreadData,
  errorOf,
  type FlowPlace,
  type FromEngine,
  type LinkListen,
  maxFramesAtEngine,
  type StageTarget,
  type ToEngine,
} from "./engine-messages.js";
import type { PortEnd } from "./port-link.js";
import { SharedCount } from "./shared-count.js";
import { type EngineStats, SharedStats } from "./shared-stats.js";

/** What an engine tells whoever started it. */
export interface EngineListeners {
  onNews(news: EngineNews): void;
  /** The engine is gone and will tell no more. Not called for `close`. */
  onBroken(reason: StagecoachError): void;
}

const closeTimeoutMs = 5_000;
/** What news of an end may take to whom it concerns. */
const newsMs = 100;

/** What an engine is started from. */
export interface EngineOptions {
  readonly spec: RunnerSpec;
  readonly place: FlowPlace;
  /** Absent where everything goes by gRPC. */
  readonly listen?: LinkListen;
}

type Ready = Extract<FromEngine, { kind: "ready" }>;

/**
 * The gRPC thread's side of an engine: a runner in a thread of its own. Frames and outputs cross as bytes, moved
 * by transfer; statistics are read without asking the thread.
 */
export class EngineHost {
  readonly blockCount: number;
  readonly weightBytes: number;
  readonly beginsInsideBlocks: boolean;
  /** See StageRunner. */
  readonly memoryUse: string | undefined;
  /** Where links into the engine's thread end; 0 where none can. */
  readonly linkPort: number;
  readonly #thread: Worker;
  readonly #shared: { stats: SharedStats; departures: SharedCount; taken: SharedCount };
  readonly #wall = new WallClock();
  #submitted = 0;
  #closing: Promise<void> | undefined;

  /**
   * Starts the thread and resolves when its runner is there.
   * @throws StagecoachError what the runner threw; the signal's reason when it aborts first
   */
  static async start(
    options: EngineOptions,
    listeners: EngineListeners,
    signal: AbortSignal,
  ): Promise<EngineHost> {
    signal.throwIfAborted();
    const shared = { stats: new SharedStats(), departures: new SharedCount(), taken: new SharedCount() };
    const data: EngineThreadData = {
      ...options,
      stats: shared.stats.buffer,
      departures: shared.departures.buffer,
      taken: shared.taken.buffer,
    };
    const thread = startThread(import.meta.url, "engine-thread", data);
    try {
      return new EngineHost(thread, shared, await firstMessage(thread, signal), listeners);
    } catch (reason) {
      await thread.terminate();
      throw reason;
    }
  }

  private constructor(
    thread: Worker,
    shared: { stats: SharedStats; departures: SharedCount; taken: SharedCount },
    { blockCount, weightBytes, beginsInsideBlocks, memoryUse, linkPort }: Ready,
    listeners: EngineListeners,
  ) {
    this.blockCount = blockCount;
    this.weightBytes = weightBytes;
    this.beginsInsideBlocks = beginsInsideBlocks;
    this.memoryUse = memoryUse;
    this.linkPort = linkPort;
    this.#thread = thread;
    this.#shared = shared;
    thread.on("message", (message: FromEngine) => {
      if (this.#closing !== undefined || message.kind === "ready" || message.kind === "stopped") return;
      if (message.kind === "broken") this.#lost(errorOf(message.failure), listeners);
      else listeners.onNews(message);
    });
    thread.once("error", (reason) => this.#lost(StagecoachError.from(reason, "INTERNAL"), listeners));
    thread.once("exit", () =>
      this.#lost(new StagecoachError("INTERNAL", "the engine's thread ended"), listeners),
    );
  }

  /** Hands a Frame's bytes over. They are copied once, as their memory is gRPC's. */
  submit(bytes: Uint8Array): void {
    const own = new Uint8Array(bytes);
    this.#submitted = (this.#submitted + 1) | 0;
    this.#post({ kind: "frame", bytes: own, postedAtUs: this.#wall.nowUs() }, [own.buffer]);
  }

  /** Whether the engine has as many frames as it may have; if so, it tells when it has taken one. */
  get full(): boolean {
    const { taken } = this.#shared;
    const waiting = (): number => (this.#submitted - taken.count) | 0;
    if (waiting() < maxFramesAtEngine) return false;
    taken.wait();
    return waiting() >= maxFramesAtEngine;
  }

  /** No more frames will be submitted. */
  endFrames(): void {
    this.#post({ kind: "end" });
  }

  /** Says how frames reach the next stage: over a link, or else by the host. */
  takeWay(target: StageTarget | undefined): void {
    const moved = target !== undefined && "here" in target ? [target.here.port] : [];
    this.#post({ kind: "way", ...(target !== undefined && { target }) }, moved);
  }

  /** Has frames come over a port, from another engine of this process. */
  takePort(end: PortEnd): void {
    this.#post({ kind: "port", end }, [end.port]);
  }

  /** Has tokens come from the last stage; news tell whether they do. */
  takeTokens(target: StageTarget): void {
    this.#post({ kind: "takeTokens", target }, "here" in target ? [target.here.port] : []);
  }

  /** Has tokens go to the first stage, an engine of this process. */
  giveTokens(end: PortEnd): void {
    this.#post({ kind: "giveTokens", end }, [end.port]);
  }

  /** Tells the engine that one of its results has left the process. */
  resultSent(): void {
    if (this.#shared.departures.add()) this.#post({ kind: "departed" });
  }

  stats(): EngineStats {
    return this.#shared.stats.read(monotonicUs());
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
    // The reason is told before neighbours see their links break, and can only say that.
    this.#closing = sleep(newsMs).then(async () => void (await this.#thread.terminate()));
    listeners.onBroken(reason);
  }

  #post(message: ToEngine, transfer: (ArrayBuffer | MessagePort)[] = []): void {
    this.#thread.postMessage(message, transfer);
  }
}

function firstMessage(thread: Worker, signal: AbortSignal): Promise<Ready> {
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
        reject(
          message.kind === "broken"
            ? errorOf(message.failure)
            : new StagecoachError("INTERNAL", message.kind),
        );
    });
  });
}

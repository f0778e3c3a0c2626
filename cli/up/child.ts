import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { type Code, StagecoachError } from "../../common/errors.js";
import { type ChildMessage, parseChildMessage } from "../../common/parent-watch.js";
import { isErrno } from "../../model/store/disk.js";
import { signalProcess } from "../state/end-process.js";
import { lastWords } from "./last-words.js";

/**
 * For glibc's allocator, which otherwise keeps large pieces of memory that were freed, in up to eight arenas a
 * processor: with these, a worker under half an hour of mixed load held 580 to 650 MB instead of 780 to 870, and the
 * coordinator stayed flat. Whoever sets them has it his way; other systems ignore them.
 */
const allocatorSettings = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "262144" };

/** What to start. */
export interface ChildOptions {
  /** For messages: `coordinator`, `worker w0`. */
  readonly name: string;
  /** A JavaScript file for this Node, and its arguments. */
  readonly script: string;
  readonly args: readonly string[];
  /** Its stdout and stderr; started anew. */
  readonly logPath: string;
  /** Told what the child says about its start. */
  readonly onProgress?: (text: string) => void;
}

/** What a child says about itself once it serves. */
export type Facts = Readonly<Record<string, string | number>>;

/** How a child ended. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * A child process of `up`. It has a process group of its own, so that Ctrl-C reaches only `up`, which ends
 * its children in order; and a channel whose closing tells it that `up` is gone.
 */
export class Child {
  readonly name: string;
  readonly pid: number;
  readonly logPath: string;
  /** Settles when the process has ended; never rejects. */
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;
  readonly #onProgress: (text: string) => void;
  #failure: Extract<ChildMessage, { kind: "failed" }> | undefined;
  #facts: Facts | undefined;
  #heard: () => void = () => undefined;

  private constructor(process: ChildProcess, pid: number, options: ChildOptions) {
    this.#process = process;
    this.pid = pid;
    this.name = options.name;
    this.logPath = options.logPath;
    this.#onProgress = options.onProgress ?? (() => undefined);
    // Its last words may arrive after its exit: the channel's end comes after both.
    const silent = once(process, "disconnect");
    this.exited = once(process, "exit").then(async ([code, signal]) => {
      await silent;
      return { code, signal };
    });
    process.on("message", (message) => this.#receive(message));
  }

  /** @throws StagecoachError when the system starts no process or the log cannot be written */
  static async start(options: ChildOptions): Promise<Child> {
    mkdirSync(dirname(options.logPath), { recursive: true });
    const log = openSync(options.logPath, "w");
    try {
      const child = spawn(process.execPath, ["--enable-source-maps", options.script, ...options.args], {
        stdio: ["ignore", log, log, "ipc"],
        detached: true,
        // biome-ignore lint/style/noProcessEnv: a child has all that its parent has
        env: { ...allocatorSettings, ...process.env },
      });
      await once(child, "spawn");
      return new Child(child, child.pid as number, options);
    } catch (cause) {
      const reason = StagecoachError.from(cause);
      throw new StagecoachError(reason.code, `cannot start the ${options.name}: ${reason.message}`, {
        cause,
      });
    } finally {
      closeSync(log);
    }
  }

  /**
   * What the child reported once it served.
   * @throws StagecoachError with the child's own reason when it ends instead; whatever aborted the signal
   */
  async ready(signal: AbortSignal): Promise<Facts> {
    const aborted = new AbortController();
    try {
      while (this.#facts === undefined) {
        signal.throwIfAborted();
        const heard = new Promise<void>((resolve) => {
          this.#heard = resolve;
        });
        const interrupted = once(signal, "abort", { signal: aborted.signal }).catch(() => undefined);
        const ended = await Promise.race([heard, interrupted.then(() => undefined), this.exited]);
        if (ended !== undefined) throw this.failure(ended);
      }
      return this.#facts;
    } finally {
      aborted.abort();
    }
  }

  /** Why the child ended, for people. */
  failure(exit: ChildExit): StagecoachError {
    if (this.#failure !== undefined) {
      return new StagecoachError(this.#failure.code as Code, `${this.name}: ${this.#failure.message}`);
    }
    const how = exit.signal === null ? `with code ${exit.code}` : `by ${exit.signal}`;
    const words = lastWords(this.logPath, 3).map((line) => `\n  ${line}`);
    return new StagecoachError(
      "UNAVAILABLE",
      `the ${this.name} (process ${this.pid}) ended ${how}; its log is ${this.logPath}${words.length > 0 ? ":" : ""}${words.join("")}`,
    );
  }

  get ended(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Asks it to end, kills it and whatever it started after `graceMs`, and waits for its end. */
  async stop(graceMs: number): Promise<void> {
    if (!this.ended) this.#signal("SIGTERM");
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.exited;
    clearTimeout(timer);
    this.kill();
  }

  /** Kills it and whatever it started, now. */
  kill(): void {
    signalProcess(-this.pid, "SIGKILL");
  }

  #signal(signal: "SIGTERM" | "SIGKILL"): void {
    try {
      this.#process.kill(signal);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
  }

  #receive(message: unknown): void {
    const parsed = parseChildMessage(message);
    if (parsed?.kind === "progress") this.#onProgress(parsed.text);
    if (parsed?.kind === "failed") this.#failure = parsed;
    if (parsed?.kind !== "ready") return;
    this.#facts = parsed.facts;
    this.#heard();
  }
}

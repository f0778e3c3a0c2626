import { StagecoachError } from "../../common/errors.js";
import type { Child } from "./child.js";

/** What a child is, which decides when it is ended: those served by others end last. */
export type ChildRole = "coordinator" | "worker" | "nats-server";

const endOrder: readonly ChildRole[] = ["coordinator", "worker", "nats-server"];

/** The child processes of one `up`. */
export class Fleet {
  /** Resolves with why, when a child ends that was not asked to and that serving needs. */
  readonly broken: Promise<StagecoachError>;
  readonly #children: { child: Child; role: ChildRole }[] = [];
  readonly #stopTimeoutMs: number;
  readonly #onEventsLost: (reason: StagecoachError) => void;
  #break: (error: StagecoachError) => void = () => undefined;
  #servesWithout: ((worker: Child, reason: StagecoachError) => Promise<boolean>) | undefined;
  #stopping: Promise<void> | undefined;

  /**
   * A child that has not ended `stopTimeoutMs` after it was asked to is killed. `onEventsLost` hears when
   * nats-server ends by itself: serving goes on without events.
   */
  constructor(stopTimeoutMs: number, onEventsLost: (reason: StagecoachError) => void = () => undefined) {
    this.#stopTimeoutMs = stopTimeoutMs;
    this.#onEventsLost = onEventsLost;
    this.broken = new Promise((resolve) => {
      this.#break = resolve;
    });
  }

  /** Takes a child in; one that arrives while all are being ended is ended as well. */
  add(child: Child, role: ChildRole): void {
    this.#children.push({ child, role });
    void child.exited.then((exit) => {
      if (this.#stopping !== undefined) return;
      const reason = child.failure(exit);
      if (role === "nats-server") this.#onEventsLost(reason);
      else if (role === "worker" && this.#servesWithout !== undefined) this.#workerLost(child, reason);
      else this.#break(reason);
    });
    if (this.#stopping !== undefined)
      this.#stopping = this.#stopping.then(() => child.stop(this.#stopTimeoutMs));
  }

  /** From now on a worker's end only counts when the cluster does not serve without it. */
  bearLosses(servesWithout: (worker: Child, reason: StagecoachError) => Promise<boolean>): void {
    this.#servesWithout = servesWithout;
  }

  /** Ends all, in order; calling again waits for the same end. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  /** Kills all at once. */
  kill(): void {
    this.#stopping ??= Promise.resolve();
    for (const { child } of this.#children) child.kill();
  }

  #workerLost(worker: Child, reason: StagecoachError): void {
    this.#servesWithout?.(worker, reason).then(
      (serves) => {
        if (!serves) this.#break(reason);
      },
      (unknown: unknown) => this.#break(StagecoachError.from(unknown)),
    );
  }

  async #stopInOrder(): Promise<void> {
    for (const role of endOrder) {
      const ending = this.#children.filter((entry) => entry.role === role);
      await Promise.all(ending.map(({ child }) => child.stop(this.#stopTimeoutMs)));
    }
  }
}

import { EventEmitter, once } from "node:events";
import { AsyncQueue } from "../../common/async-queue.js";
import { StagecoachError } from "../../common/errors.js";
import { waitForEvent } from "../../common/wait-for-event.js";
import { ActivityClock } from "../pipeline/activity-clock.js";
import { type OpenedPipeline, openPipeline } from "../pipeline/open-pipeline.js";
import { StageClient } from "../pipeline/stage-client.js";
import type { Plan } from "../planner/types.js";
import { blockSizeOf } from "./block-size.js";
import { measureMembers, planFor } from "./measure-and-plan.js";
import type { Measured } from "./profile-workers.js";
import type { SessionSettings } from "./session-settings.js";
import type { SessionState } from "./session-state.js";
import { tokenBudgetOf } from "./token-budget.js";
import type { Member } from "./worker-registry.js";

/** What one pipeline's session is made from. */
export interface PipelineSessionOptions extends SessionSettings {
  readonly replica: number;
  /** Who may hold its stages now. */
  readonly members: () => readonly Member[];
  /** Workers to wait for before the first plan. */
  readonly needed: number;
  /** Settles the model's variant before workers are measured. */
  readonly settle: SettleVariant;
  /** Gives each attempt a number of its own, for workers refuse what is not newer. */
  readonly nextEpoch: () => number;
}

/** Has the model ready in the variant for the workers that there are; says what is done meanwhile. */
export type SettleVariant = (onState: (state: SessionState) => void, signal: AbortSignal) => Promise<void>;

interface SessionEvents {
  state: [SessionState];
  wake: [];
}

/** After a failed attempt, unless a worker comes or goes before. */
const retryPauseMs = 5_000;

/**
 * Brings one pipeline up and keeps it up: waits for workers, has them measured, plans, loads, serves; when a
 * stage dies, does it again over who is left. Requests that were running then fail with UNAVAILABLE.
 */
export class PipelineSession extends EventEmitter<SessionEvents> {
  readonly replica: number;
  readonly activity = new ActivityClock();
  readonly #options: PipelineSessionOptions;
  readonly #stop = new AbortController();
  #state: SessionState;
  #opened: OpenedPipeline | undefined;
  #measured: Measured | undefined;
  #epoch = 0;
  #needed: number;

  constructor(options: PipelineSessionOptions) {
    super();
    this.replica = options.replica;
    this.#options = options;
    this.#needed = options.needed;
    this.#state = { kind: "waiting", present: 0, needed: this.#needed };
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The plan that runs or is being loaded. */
  get plan(): Plan | undefined {
    return "plan" in this.#state ? this.#state.plan : undefined;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get opened(): OpenedPipeline | undefined {
    return this.#opened;
  }

  get ready(): boolean {
    return this.#opened?.pipeline.ready ?? false;
  }

  /** What the last attempt measured. */
  get measured(): Measured | undefined {
    return this.#measured;
  }

  /**
   * Runs until `stop`; resolves when everything is let go.
   * @param measured of its members, for the first attempt; absent has them measured
   */
  async run(measured?: Measured): Promise<void> {
    let known = measured;
    while (!this.#stop.signal.aborted) {
      try {
        const members = await this.#enoughWorkers();
        await this.#serve(members, known);
      } catch (reason) {
        if (this.#stop.signal.aborted) break;
        await this.#failed(StagecoachError.from(reason));
      }
      known = undefined;
      this.#needed = this.#options.stages ?? 1;
    }
    this.#setState({ kind: "stopping" });
  }

  stop(reason: StagecoachError): void {
    this.#stop.abort(reason);
    this.#opened?.close(reason);
    this.emit("wake");
  }

  /** Its members are others than before. */
  membersChanged(): void {
    this.emit("wake");
  }

  /** A worker is gone; if it holds a stage here, the pipeline ends and comes up anew. */
  workerLost(workerId: string, reason: string): void {
    if (this.#state.kind === "serving" && this.stageOf(workerId) >= 0) {
      this.#opened?.pipeline.break(
        new StagecoachError("UNAVAILABLE", `worker "${workerId}" left: ${reason}`),
      );
    }
    this.emit("wake");
  }

  /** Index of the stage that a worker holds or loads; -1 for none. */
  stageOf(workerId: string): number {
    return this.plan?.stages.findIndex((stage) => stage.workerId === workerId) ?? -1;
  }

  async #enoughWorkers(): Promise<readonly Member[]> {
    for (;;) {
      const members = this.#options.members();
      if (members.length >= this.#needed) return members;
      this.#setState({ kind: "waiting", present: members.length, needed: this.#needed });
      await once(this, "wake", { signal: this.#stop.signal });
    }
  }

  async #serve(members: readonly Member[], known: Measured | undefined): Promise<void> {
    const { model, blobAddress, limits, log, observers, nextEpoch } = this.#options;
    const clients = members.map(({ hello }) => new StageClient(hello.workerId, hello.address));
    try {
      const broken = new AsyncQueue<StagecoachError>();
      const plan = await this.#measureAndPlan(members, clients, known);
      this.#epoch = nextEpoch();
      this.#setState({ kind: "loading", doneBytes: 0, totalBytes: 0, plan });
      this.#opened = await openPipeline({
        epoch: this.#epoch,
        plan,
        manifest: model.manifest,
        clients: plan.stages.map((stage) => clientOf(clients, stage.workerId)),
        blobAddress: blobAddress(),
        limits: {
          ...limits,
          activationDtype: model.activationDtype,
          blockSize: blockSizeOf(limits.blockSize, plan, this.#measured?.workers ?? []),
          tokenBudget: tokenBudgetOf(limits.tokenBudget, plan, this.#measured?.workers ?? []),
        },
        onProgress: (doneBytes, totalBytes) =>
          this.#setState({ kind: "loading", doneBytes, totalBytes, plan }),
        onBroken: (reason) => broken.fail(reason),
        observers: [this.activity, ...observers],
        signal: this.#stop.signal,
      });
      this.#setState({ kind: "serving", plan });
      for await (const _ of broken);
    } finally {
      this.#opened?.close(new StagecoachError("UNAVAILABLE", "the pipeline was closed"));
      this.#opened = undefined;
      for (const client of clients) client.close();
      log.debug({ epoch: this.#epoch }, "pipeline closed");
    }
  }

  async #measureAndPlan(
    members: readonly Member[],
    clients: readonly StageClient[],
    known: Measured | undefined,
  ): Promise<Plan> {
    const { signal } = this.#stop;
    if (known === undefined) await this.#options.settle((state) => this.#setState(state), signal);
    this.#setState({ kind: "measuring", workers: members.length });
    this.#measured = known ?? (await measureMembers(this.#options, members, clients, signal));
    return planFor(this.#options, this.#measured);
  }

  async #failed(error: StagecoachError): Promise<void> {
    this.#options.log.error({ code: error.code, cause: error.cause }, error.message);
    this.#setState({ kind: "failed", error });
    await waitForEvent(this, "wake", retryPauseMs, this.#stop.signal);
  }

  #setState(state: SessionState): void {
    this.#state = state;
    this.emit("state", state);
  }
}

function clientOf(clients: readonly StageClient[], workerId: string): StageClient {
  const client = clients.find((each) => each.workerId === workerId);
  if (client === undefined)
    throw new StagecoachError("INTERNAL", `the plan names worker "${workerId}", which was not measured`);
  return client;
}

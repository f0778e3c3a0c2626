import { EventEmitter } from "node:events";
import { StagecoachError } from "../../common/errors.js";
import { waitForEvent } from "../../common/wait-for-event.js";
import type { TokenEvent, TokenPort } from "../inference/types.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import type { Plan, ReplicatedPlan } from "../planner/types.js";
import type { SequenceRequest } from "../scheduler/types.js";
import {
  type ClusterCounts,
  type ClusterLane,
  countsOf,
  inFlightMsOf,
  lanesOf,
  placeIn,
  totalInFlightMs,
  type WorkerPlace,
} from "./cluster-counts.js";
import { clusterPlan } from "./cluster-plan.js";
import { DecodeRates } from "./decode-rates.js";
import { partWorkers } from "./part-workers.js";
import { PipelineSession, type SettleVariant } from "./pipeline-session.js";
import type { Measured } from "./profile-workers.js";
import { ReplicaAssignment } from "./replica-assignment.js";
import { RequestRouter, type Routing } from "./routing/request-router.js";
import type { SessionSettings } from "./session-settings.js";
import { type ClusterState, joinStates, type SessionState, stateOf } from "./session-state.js";
import { submitToReplicas } from "./submit-to-replicas.js";
import type { Member, WorkerRegistry } from "./worker-registry.js";

/** What the pipelines of a cluster are made from. */
export interface ReplicaSetOptions extends SessionSettings {
  readonly registry: WorkerRegistry;
  /** Pipelines side by side. */
  readonly replicas: number;
  readonly routing: Routing;
  /** Workers to wait for before the first plan. */
  readonly expectedWorkers: number;
}

interface ReplicaSetEvents {
  /** Some pipeline's state changed, or what is done before there are any. */
  state: [];
  pipeline: [PipelineSession];
}

const idlePollMs = 20;

/**
 * The pipelines behind one coordinator: parts the workers among them, keeps each up by itself, and sends every
 * request to one of them. One that dies does not disturb the others.
 */
export class ReplicaSet extends EventEmitter<ReplicaSetEvents> implements TokenPort {
  readonly pipelines: readonly PipelineSession[];
  readonly rates = new DecodeRates();
  readonly #options: ReplicaSetOptions;
  readonly #assignment: ReplicaAssignment;
  readonly #router: RequestRouter;
  readonly #stop = new AbortController();
  /** Shared with every pipeline, so that those who come later hear too. */
  readonly #observers: PipelineObserver[];
  /** Until the workers are parted; afterwards the pipelines have states of their own. */
  #before: SessionState | undefined;
  #epoch = 0;

  constructor(options: ReplicaSetOptions) {
    super();
    this.#options = options;
    this.#observers = [{ onStep: (step) => this.#countStep(step) }, ...options.observers];
    const { registry, replicas, stages = 1, routing, expectedWorkers } = options;
    this.#assignment = new ReplicaAssignment(replicas, stages);
    this.#router = new RequestRouter(routing, replicas);
    this.pipelines = Array.from({ length: replicas }, (_, replica) =>
      this.#createPipeline(replica, replicas === 1 ? Math.max(expectedWorkers, stages) : stages),
    );
    if (replicas > 1) this.#before = { kind: "waiting", present: 0, needed: replicas * stages };
    registry.on("joined", (member) => this.#memberJoined(member));
    registry.on("left", (member, reason) => this.#memberLeft(member, reason));
  }

  get state(): ClusterState {
    return this.#before === undefined
      ? joinStates(this.pipelines.map(({ state }) => state))
      : stateOf(this.#before);
  }

  /** Of the newest pipeline. */
  get epoch(): number {
    return this.#epoch;
  }

  get ready(): boolean {
    return this.pipelines.some((pipeline) => pipeline.ready);
  }

  get maxContext(): number {
    const open = this.pipelines.flatMap(({ opened }) => opened?.pipeline.maxContext ?? []);
    return open.length === 0 ? this.#options.limits.maxContext : Math.min(...open);
  }

  get counts(): ClusterCounts {
    return countsOf(this.pipelines);
  }

  get lanes(): ClusterLane[] {
    return lanesOf(this.pipelines);
  }

  placeOf(workerId: string): WorkerPlace | undefined {
    return placeIn(this.pipelines, workerId);
  }

  inFlightMs(workerId: string): number {
    return inFlightMsOf(this.pipelines, workerId);
  }

  get totalInFlightMs(): number {
    return totalInFlightMs(this.pipelines);
  }

  /** Has somebody hear what all pipelines do, from now on. */
  observe(observer: PipelineObserver): void {
    this.#observers.push(observer);
  }

  /** One that is full passes a request on to the next best; only when all are it is refused. */
  submit(request: SequenceRequest, signal: AbortSignal): AsyncIterable<TokenEvent> {
    const events = submitToReplicas(this.pipelines, this.#router, request, signal);
    if (events !== undefined) return events;
    throw new StagecoachError(
      "UNAVAILABLE",
      `the cluster does not serve yet: ${this.state.detail}; try again soon`,
    );
  }

  /** Runs until `stop`; resolves when everything is let go. */
  async run(): Promise<void> {
    const measured = this.pipelines.length === 1 ? [] : await this.#part();
    this.#before = undefined;
    await Promise.all(this.pipelines.map((pipeline, index) => pipeline.run(measured[index])));
  }

  stop(): void {
    const reason = new StagecoachError("UNAVAILABLE", "the coordinator is stopping");
    this.#stop.abort(reason);
    for (const pipeline of this.pipelines) pipeline.stop(reason);
  }

  /**
   * The plan that runs, or what it would be with other limits, from the last measurements.
   * @throws StagecoachError FAILED_PRECONDITION before workers were measured.
   */
  planWith(limits: { stages?: number }): Plan | ReplicatedPlan {
    const plan = clusterPlan(this.pipelines, this.#options, limits.stages);
    if (plan !== undefined) return plan;
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `no workers were measured yet: ${this.state.detail}; try again soon`,
    );
  }

  /** Resolves at the next change of state, or after `timeoutMs`. */
  async changed(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await waitForEvent(this, "state", timeoutMs, signal);
  }

  /** Resolves when no request runs or waits, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const { running, waiting } = this.counts;
      if (running + waiting === 0 || Date.now() >= deadlineMs) return;
      await this.changed(idlePollMs, this.#stop.signal);
    }
  }

  #createPipeline(replica: number, needed: number): PipelineSession {
    const { registry, replicas } = this.#options;
    const pipeline = new PipelineSession({
      ...this.#options,
      replica,
      needed,
      members: () =>
        registry
          .members()
          .filter(({ hello }) => replicas === 1 || this.#assignment.replicaOf(hello.workerId) === replica),
      settle: this.#settle,
      nextEpoch: () => ++this.#epoch,
      observers: this.#observers,
    });
    pipeline.on("state", ({ kind }) => {
      if (kind === "loading") {
        this.#router.forget(replica);
        this.rates.clear();
      }
      this.emit("pipeline", pipeline);
      this.emit("state");
    });
    return pipeline;
  }

  /** For all workers, whoever holds a stage; what serves keeps the variant that it has. */
  readonly #settle: SettleVariant = async (onState, signal) => {
    if (this.ready) return;
    const devices = this.#options.registry.members().map(({ hello }) => hello.device);
    await this.#options.model.settle(devices, (progress) => onState({ kind: "preparing", progress }), signal);
  };

  #countStep(step: { promptTokens: number; generatedTokens: number }): void {
    this.rates.step({ ...step, running: this.counts.running }, performance.now());
  }

  /** What was measured of each pipeline's workers, for its first plan. */
  async #part(): Promise<Measured[]> {
    const { expectedWorkers, replicas, stages = 1 } = this.#options;
    const groups = await partWorkers({
      ...this.#options,
      needed: Math.max(expectedWorkers, replicas * stages),
      settle: this.#settle,
      onState: (state) => this.#setBefore(state),
      signal: this.#stop.signal,
    });
    this.#assignment.adopt(groups.map(({ workerIds }) => workerIds));
    // Whoever came while the others were measured.
    const present = this.#present();
    for (const workerId of present)
      if (this.#assignment.replicaOf(workerId) === undefined) this.#assignment.place(workerId, present);
    return groups.map(({ measured }) => measured);
  }

  #memberJoined({ hello }: Member): void {
    if (this.pipelines.length === 1) this.pipelines[0]?.membersChanged();
    else if (this.#before === undefined)
      this.pipelines[this.#assignment.place(hello.workerId, this.#present())]?.membersChanged();
  }

  #memberLeft({ hello: { workerId } }: Member, reason: string): void {
    this.#options.log.warn({ worker: workerId }, `worker "${workerId}" left: ${reason}`);
    for (const pipeline of this.pipelines) pipeline.workerLost(workerId, reason);
    if (this.pipelines.length === 1 || this.#before !== undefined) return;
    const idle = (each: string): boolean => this.placeOf(each) === undefined;
    for (const replica of this.#assignment.lendIdle(this.#present(), idle))
      this.pipelines[replica]?.membersChanged();
  }

  #present(): string[] {
    return this.#options.registry.members().map(({ hello }) => hello.workerId);
  }

  #setBefore(state: SessionState): void {
    this.#before = state;
    this.emit("state");
  }
}

import { EventEmitter, once } from "node:events";
import { AsyncQueue } from "../../common/async-queue.js";
import { StagecoachError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import { waitForEvent } from "../../common/wait-for-event.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { TokenEvent, TokenPort } from "../inference/types.js";
import { type OpenedPipeline, openPipeline, type PipelineLimits } from "../pipeline/open-pipeline.js";
import type { PipelineObserver } from "../pipeline/pipeline.js";
import { StageClient } from "../pipeline/stage-client.js";
import { modelShape } from "../planner/model-shape.js";
import { makePlan } from "../planner/plan.js";
import type { LinkProfile, Plan, PlanRequest, WorkerProfile } from "../planner/types.js";
import type { SequenceRequest } from "../scheduler/types.js";
import { profileLinks, profileWorkers } from "./profile-workers.js";
import { describeState, type SessionState } from "./session-state.js";
import type { Member, WorkerRegistry } from "./worker-registry.js";

/** What a session is made from. */
export interface SessionOptions {
  readonly registry: WorkerRegistry;
  readonly manifest: Manifest;
  readonly limits: PipelineLimits;
  /** host:port of this coordinator's Cluster service, for blobs. */
  readonly blobAddress: () => string;
  /** Workers to wait for before the first plan. */
  readonly expectedWorkers: number;
  /** Exactly so many stages; absent lets the planner choose. */
  readonly stages?: number;
  /** Sequences decoding at once for which the plan is made. */
  readonly concurrency: number;
  readonly log: Logger;
  readonly observers: readonly PipelineObserver[];
}

interface SessionEvents {
  state: [SessionState];
  wake: [];
}

/** After a failed attempt, unless a worker comes or goes before. */
const retryPauseMs = 5_000;
const idlePollMs = 20;

/**
 * Brings a pipeline up and keeps it up: waits for workers, has them measured, plans, loads, serves; when a stage
 * dies, does it again over who is left. Requests that were running then fail with UNAVAILABLE.
 */
export class Session extends EventEmitter<SessionEvents> implements TokenPort {
  readonly #options: SessionOptions;
  readonly #stop = new AbortController();
  #state: SessionState;
  #opened: OpenedPipeline | undefined;
  #measured: { workers: WorkerProfile[]; links: LinkProfile[] } | undefined;
  #epoch = 0;
  #needed: number;

  constructor(options: SessionOptions) {
    super();
    this.#options = options;
    this.#needed = Math.max(options.expectedWorkers, options.stages ?? 1);
    this.#state = { kind: "waiting", present: 0, needed: this.#needed };
    options.registry.on("joined", () => this.emit("wake"));
    options.registry.on("left", (member, reason) => this.#memberLeft(member, reason));
  }

  get state(): SessionState {
    return this.#state;
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

  get maxContext(): number {
    return this.#opened?.pipeline.maxContext ?? this.#options.limits.maxContext;
  }

  submit(request: SequenceRequest, signal: AbortSignal): AsyncIterable<TokenEvent> {
    if (this.#opened === undefined) {
      throw new StagecoachError(
        "UNAVAILABLE",
        `the cluster does not serve yet: ${describeState(this.#state)}; try again soon`,
      );
    }
    return this.#opened.pipeline.submit(request, signal);
  }

  /** Runs until `stop`; resolves when everything is let go. */
  async run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        const members = await this.#enoughWorkers();
        await this.#serve(members);
      } catch (reason) {
        if (this.#stop.signal.aborted) break;
        await this.#failed(StagecoachError.from(reason));
      }
      this.#needed = this.#options.stages ?? 1;
    }
    this.#setState({ kind: "stopping" });
  }

  stop(): void {
    const reason = new StagecoachError("UNAVAILABLE", "the coordinator is stopping");
    this.#stop.abort(reason);
    this.#opened?.close(reason);
    this.emit("wake");
  }

  /**
   * The plan that runs, or what it would be with other limits, from the last measurements.
   * @throws StagecoachError FAILED_PRECONDITION before workers were measured.
   */
  planWith(limits: { stages?: number }): Plan {
    if (limits.stages === undefined && "plan" in this.#state) return this.#state.plan;
    if (this.#measured === undefined) {
      throw new StagecoachError(
        "FAILED_PRECONDITION",
        `no workers were measured yet: ${describeState(this.#state)}; try again soon`,
      );
    }
    return this.#plan(this.#measured.workers, this.#measured.links, limits.stages ?? this.#options.stages);
  }

  /** Resolves at the next change of state, or after `timeoutMs`. */
  async changed(timeoutMs: number, signal: AbortSignal): Promise<void> {
    await waitForEvent(this, "state", timeoutMs, signal);
  }

  /** Resolves when no request runs or waits, or after `timeoutMs`. */
  async idle(timeoutMs: number): Promise<void> {
    const deadlineMs = Date.now() + timeoutMs;
    for (;;) {
      const { running = 0, waiting = 0 } = this.#opened?.scheduler.snapshot() ?? {};
      if (running + waiting === 0 || Date.now() >= deadlineMs) return;
      await this.changed(idlePollMs, this.#stop.signal);
    }
  }

  async #enoughWorkers(): Promise<readonly Member[]> {
    for (;;) {
      const members = this.#options.registry.members();
      if (members.length >= this.#needed) return members;
      this.#setState({ kind: "waiting", present: members.length, needed: this.#needed });
      await once(this, "wake", { signal: this.#stop.signal });
    }
  }

  async #serve(members: readonly Member[]): Promise<void> {
    const { manifest, blobAddress, limits, log, observers } = this.#options;
    const clients = members.map(({ hello }) => new StageClient(hello.workerId, hello.address));
    try {
      const broken = new AsyncQueue<StagecoachError>();
      const plan = await this.#measureAndPlan(members, clients);
      const epoch = ++this.#epoch;
      this.#setState({ kind: "loading", doneBytes: 0, totalBytes: 0, plan });
      this.#opened = await openPipeline({
        epoch,
        plan,
        manifest,
        clients: plan.stages.map((stage) => clientOf(clients, stage.workerId)),
        blobAddress: blobAddress(),
        limits,
        onProgress: (doneBytes, totalBytes) =>
          this.#setState({ kind: "loading", doneBytes, totalBytes, plan }),
        onBroken: (reason) => broken.fail(reason),
        observers,
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

  async #measureAndPlan(members: readonly Member[], clients: readonly StageClient[]): Promise<Plan> {
    this.#setState({ kind: "measuring", workers: members.length });
    const request = {
      manifestJson: Buffer.from(JSON.stringify(this.#options.manifest)),
      blobAddress: this.#options.blobAddress(),
      threads: 0,
    };
    const candidates = clients.map((client, index) => ({
      client,
      device: members[index]?.hello.device ?? "",
    }));
    const workers = await profileWorkers(candidates, request);
    const links = await profileLinks(clients);
    this.#measured = { workers, links };
    return this.#plan(workers, links, this.#options.stages);
  }

  #plan(workers: WorkerProfile[], links: LinkProfile[], stages: number | undefined): Plan {
    const { manifest, limits, concurrency } = this.#options;
    const request: PlanRequest = {
      model: modelShape(manifest),
      workers,
      links,
      concurrency,
      // Room for one whole context at least; what is left over becomes KV too.
      kvTokens: limits.maxContext,
      ...(stages !== undefined && { stages }),
    };
    return makePlan(request);
  }

  #memberLeft(member: Member, reason: string): void {
    const { workerId } = member.hello;
    this.#options.log.warn({ worker: workerId }, `worker "${workerId}" left: ${reason}`);
    const holdsStage =
      this.#state.kind === "serving" && this.#state.plan.stages.some((stage) => stage.workerId === workerId);
    if (holdsStage)
      this.#opened?.pipeline.break(
        new StagecoachError("UNAVAILABLE", `worker "${workerId}" left: ${reason}`),
      );
    this.emit("wake");
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

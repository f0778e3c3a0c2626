import type { EventPublisher } from "../../common/events/connect-events.js";
import type { RequestEnd } from "../pipeline/running-request.js";
import type { Plan } from "../planner/types.js";
import type { PipelineSession } from "./pipeline-session.js";
import type { ReplicaSet } from "./replica-set.js";
import type { ServedModel } from "./served-model.js";
import type { SessionState } from "./session-state.js";
import type { Member, WorkerRegistry } from "./worker-registry.js";

/** What the coordinator's events are made from. */
export interface EventSources {
  readonly publisher: EventPublisher;
  readonly model: ServedModel;
  readonly registry: WorkerRegistry;
  readonly replicas: ReplicaSet;
}

/** Publishes every change of the cluster's state, its plans, its epochs and its membership, from now on. */
export function publishClusterEvents(sources: EventSources): void {
  const { replicas, registry } = sources;
  let last: SessionState["kind"] | undefined;
  replicas.on("state", () => {
    const { kind, name, detail } = replicas.state;
    if (kind === last) return;
    last = kind;
    const { epoch } = replicas;
    sources.publisher.publish("state", "cluster", { scope: "cluster", epoch, state: name, detail });
  });
  const lastOf = new Map<number, SessionState["kind"]>();
  const served = new Set<number>();
  replicas.on("pipeline", (pipeline) => {
    const { replica, state } = pipeline;
    if (state.kind === lastOf.get(replica)) return;
    lastOf.set(replica, state.kind);
    if (state.kind === "loading") publishPlan(sources, pipeline, state.plan);
    if (state.kind !== "serving") return;
    publishEpoch(sources, pipeline, state.plan, served.has(replica));
    served.add(replica);
  });
  registry.on("joined", (member) =>
    publishMembership(sources, member, "JOINED", `at ${member.hello.address}`),
  );
  registry.on("left", (member, reason) => publishMembership(sources, member, "LEFT", reason));
}

/** Publishes how a request ended. */
export function publishRequestEnd({ publisher, model }: EventSources, end: RequestEnd): void {
  const { requestId, outcome, promptTokens, completionTokens, firstTokenMs, durationMs } = end;
  const failed = typeof outcome !== "string";
  publisher.publish("request", requestId, {
    requestId,
    model: model.manifest.model,
    finishReason: failed ? (outcome.code === "CANCELLED" ? "cancelled" : "error") : outcome,
    ...(failed && outcome.code !== "CANCELLED" && { errorCode: outcome.code }),
    promptTokens,
    completionTokens,
    cachedTokens: 0,
    ...(firstTokenMs !== undefined && { ttftMs: firstTokenMs }),
    durationMs,
  });
}

function publishPlan(
  { publisher, model: served, replicas }: EventSources,
  { epoch, replica }: PipelineSession,
  plan: Plan,
): void {
  const { model, variant } = served.manifest;
  publisher.publish("plan", String(epoch), {
    epoch,
    ...(replicas.pipelines.length > 1 && { replica }),
    model,
    variant,
    laneCount: plan.laneCount,
    bottleneck: plan.bottleneck,
    decodeTokensPerSecond: plan.decodeTokensPerSecond,
    prefillTokensPerSecond: plan.prefillTokensPerSecond,
    singleTokensPerSecond: plan.singleTokensPerSecond,
    predictions: [...plan.predictions],
    stages: plan.stages.map(
      ({ workerId, firstLayer, endLayer, decodeMs, prefillMs, hopMs, weightBytes, weights, kvBytes }) => ({
        workerId,
        firstLayer,
        endLayer,
        decodeMs,
        prefillMs,
        hopMs,
        weightBytes,
        ...(weights !== undefined && { weights }),
        kvBytes,
      }),
    ),
    leftOut: [...plan.leftOut],
    remarks: [...plan.remarks],
  });
}

function publishEpoch(
  { publisher, registry, replicas }: EventSources,
  { epoch, replica, opened }: PipelineSession,
  plan: Plan,
  again: boolean,
): void {
  publisher.publish("epoch", String(epoch), {
    epoch,
    ...(replicas.pipelines.length > 1 && { replica }),
    reason: again ? "a new pipeline after a stage was lost" : "the first pipeline",
    laneCount: plan.laneCount,
    blockCount: opened?.blockCount ?? 0,
    blockSize: opened?.blockSize ?? 0,
    stages: plan.stages.map(({ workerId, firstLayer, endLayer }) => ({
      workerId,
      incarnation: registry.get(workerId)?.hello.incarnation ?? "",
      firstLayer,
      endLayer,
    })),
  });
}

function publishMembership(
  { publisher, replicas }: EventSources,
  member: Member,
  state: "JOINED" | "LEFT",
  detail: string,
): void {
  const { workerId, incarnation } = member.hello;
  publisher.publish("state", workerId, {
    scope: "worker",
    epoch: replicas.epoch,
    workerId,
    incarnation,
    state,
    detail,
  });
}

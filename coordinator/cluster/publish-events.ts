import type { EventPublisher } from "../../common/events/connect-events.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { PipelineLimits } from "../pipeline/open-pipeline.js";
import type { RequestEnd } from "../pipeline/running-request.js";
import type { Plan } from "../planner/types.js";
import type { Session } from "./session.js";
import { describeState, type SessionState, stateName } from "./session-state.js";
import type { Member, WorkerRegistry } from "./worker-registry.js";

/** What the coordinator's events are made from. */
export interface EventSources {
  readonly publisher: EventPublisher;
  readonly manifest: Manifest;
  readonly registry: WorkerRegistry;
  readonly session: Session;
  readonly limits: PipelineLimits;
}

/** Publishes every change of the cluster's state, its plan, its epoch and its membership, from now on. */
export function publishClusterEvents(sources: EventSources): void {
  const { session, registry } = sources;
  let last: SessionState["kind"] | undefined;
  session.on("state", (state) => {
    if (state.kind === last) return;
    last = state.kind;
    sources.publisher.publish("state", "cluster", {
      scope: "cluster",
      epoch: session.epoch,
      state: stateName(state),
      detail: describeState(state),
    });
    if (state.kind === "loading") publishPlan(sources, state.plan);
    if (state.kind === "serving") publishEpoch(sources, state.plan);
  });
  registry.on("joined", (member) =>
    publishMembership(sources, member, "JOINED", `at ${member.hello.address}`),
  );
  registry.on("left", (member, reason) => publishMembership(sources, member, "LEFT", reason));
}

/** Publishes how a request ended. */
export function publishRequestEnd({ publisher, manifest }: EventSources, end: RequestEnd): void {
  const { requestId, outcome, promptTokens, completionTokens, firstTokenMs, durationMs } = end;
  const failed = typeof outcome !== "string";
  publisher.publish("request", requestId, {
    requestId,
    model: manifest.model,
    finishReason: failed ? (outcome.code === "CANCELLED" ? "cancelled" : "error") : outcome,
    ...(failed && outcome.code !== "CANCELLED" && { errorCode: outcome.code }),
    promptTokens,
    completionTokens,
    cachedTokens: 0,
    ...(firstTokenMs !== undefined && { ttftMs: firstTokenMs }),
    durationMs,
  });
}

function publishPlan({ publisher, manifest, session }: EventSources, plan: Plan): void {
  const { model, variant } = manifest;
  const { epoch } = session;
  publisher.publish("plan", String(epoch), {
    epoch,
    model,
    variant,
    laneCount: plan.laneCount,
    bottleneck: plan.bottleneck,
    decodeTokensPerSecond: plan.decodeTokensPerSecond,
    prefillTokensPerSecond: plan.prefillTokensPerSecond,
    singleTokensPerSecond: plan.singleTokensPerSecond,
    stages: plan.stages.map(
      ({ workerId, firstLayer, endLayer, decodeMs, prefillMs, hopMs, weightBytes, kvBytes }) => ({
        workerId,
        firstLayer,
        endLayer,
        decodeMs,
        prefillMs,
        hopMs,
        weightBytes,
        kvBytes,
      }),
    ),
    leftOut: [...plan.leftOut],
    remarks: [...plan.remarks],
  });
}

function publishEpoch({ publisher, registry, session, limits }: EventSources, plan: Plan): void {
  publisher.publish("epoch", String(session.epoch), {
    epoch: session.epoch,
    reason: session.epoch === 1 ? "the first pipeline" : "a new pipeline after a stage was lost",
    laneCount: plan.laneCount,
    blockCount: session.opened?.blockCount ?? 0,
    blockSize: limits.blockSize,
    stages: plan.stages.map(({ workerId, firstLayer, endLayer }) => ({
      workerId,
      incarnation: registry.get(workerId)?.hello.incarnation ?? "",
      firstLayer,
      endLayer,
    })),
  });
}

function publishMembership(
  { publisher, session }: EventSources,
  member: Member,
  state: "JOINED" | "LEFT",
  detail: string,
): void {
  const { workerId, incarnation } = member.hello;
  publisher.publish("state", workerId, {
    scope: "worker",
    epoch: session.epoch,
    workerId,
    incarnation,
    state,
    detail,
  });
}

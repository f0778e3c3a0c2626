import { version } from "../../common/package-root.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { ClusterStatus } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { WorkerStatus } from "../../proto/gen/stagecoach/v1/WorkerStatus.js";
import type { ActivityClock } from "../pipeline/activity-clock.js";
import type { RateWindow } from "./rate-window.js";
import type { Session } from "./session.js";
import { describeState, type SessionState, stateName } from "./session-state.js";
import type { Member, WorkerRegistry } from "./worker-registry.js";

/** Where a status is read from. */
export interface StatusSources {
  readonly cluster: string;
  readonly manifest: Manifest;
  readonly registry: WorkerRegistry;
  readonly session: Session;
  readonly generated: RateWindow;
  readonly prompted: RateWindow;
  readonly activity: ActivityClock;
  /** "on", or why events are off. */
  readonly events: () => string;
  readonly startedAtMs: number;
}

/** Everything an operator may ask of the cluster, as of now. */
export function clusterStatus(sources: StatusSources, nowMs: number = Date.now()): ClusterStatus {
  const { cluster, manifest, registry, session, generated, prompted, activity, events, startedAtMs } =
    sources;
  const scheduler = session.opened?.scheduler.snapshot();
  return {
    cluster,
    version,
    epoch: session.epoch,
    state: stateName(session.state),
    stateDetail: describeState(session.state),
    model: manifest.model,
    variant: manifest.variant,
    workers: registry.members().map((member) => workerStatus(member, session.state, nowMs)),
    requestsRunning: scheduler?.running ?? 0,
    requestsWaiting: scheduler?.waiting ?? 0,
    blocksUsed: scheduler?.blocksUsed ?? 0,
    blocksTotal: scheduler?.blocksTotal ?? 0,
    generationTokensPerSecond: generated.perSecond(nowMs),
    promptTokensPerSecond: prompted.perSecond(nowMs),
    events: events(),
    uptimeSeconds: (nowMs - startedAtMs) / 1000,
    lanes: scheduler?.lanes.map((lane) => ({ ...lane, replica: 0 })) ?? [],
    inFlightMs: activity.totalMs(),
    laneCount: "plan" in session.state ? session.state.plan.laneCount : 0,
  };
}

function workerStatus(member: Member, state: SessionState, nowMs: number): WorkerStatus {
  const { hello, stage, shares } = member;
  const { busy, waitIn, waitOut, send, bubble } = shares.current();
  const stageIndex =
    "plan" in state ? state.plan.stages.findIndex((each) => each.workerId === hello.workerId) : -1;
  return {
    workerId: hello.workerId,
    incarnation: hello.incarnation,
    address: hello.address,
    device: hello.device,
    threads: hello.threads,
    ...(stageIndex >= 0 && { stageIndex }),
    stage: stage ?? null,
    freeMemoryBytes: member.freeMemoryBytes,
    residentBytes: member.residentBytes,
    processId: hello.processId,
    lastHeartbeatAgeMs: nowMs - member.lastHeartbeatAtMs,
    busyShare: busy,
    waitInShare: waitIn,
    waitOutShare: waitOut,
    sendShare: send,
    bubbleShare: bubble,
  };
}

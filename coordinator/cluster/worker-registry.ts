import { EventEmitter } from "node:events";
import { StagecoachError } from "../../common/errors.js";
import { version } from "../../common/package-root.js";
import type { CoordinatorMessage } from "../../proto/gen/stagecoach/v1/CoordinatorMessage.js";
import type { EventLoop__Output } from "../../proto/gen/stagecoach/v1/EventLoop.js";
import type { Heartbeat__Output } from "../../proto/gen/stagecoach/v1/Heartbeat.js";
import type { Hello__Output } from "../../proto/gen/stagecoach/v1/Hello.js";
import type { StageState__Output } from "../../proto/gen/stagecoach/v1/StageState.js";
import { TimeShares } from "./time-shares.js";

/** A worker that is in the cluster now. */
export interface Member {
  readonly hello: Hello__Output;
  readonly shares: TimeShares;
  stage: StageState__Output | undefined;
  freeMemoryBytes: number;
  residentBytes: number;
  /** Of its main thread; undefined until it is told. */
  eventLoop: EventLoop__Output | undefined;
  lastHeartbeatAtMs: number;
  send(message: CoordinatorMessage): void;
}

interface RegistryEvents {
  joined: [Member];
  heartbeat: [Member];
  /** `reason` can be shown to an operator. */
  left: [member: Member, reason: string];
}

/** A member that has been silent for so many heartbeat intervals is gone. */
const missedHeartbeats = 3;

/** Who is in the cluster. One entry a worker id; a newer incarnation replaces an older one. */
export class WorkerRegistry extends EventEmitter<RegistryEvents> {
  readonly heartbeatIntervalMs: number;
  readonly #members = new Map<string, Member>();
  readonly #now: () => number;
  readonly #inFlightMs: (workerId: string) => number;
  #lastExpiryAtMs: number;

  /**
   * `heartbeatIntervalMs` defaults to 500; a worker is lost after three silent intervals. `inFlightMs` tells how
   * long a worker's pipeline had work under way, for the bubbles' account.
   */
  constructor({
    heartbeatIntervalMs = 500,
    now = Date.now,
    inFlightMs = () => 0,
  }: { heartbeatIntervalMs?: number; now?: () => number; inFlightMs?: (workerId: string) => number } = {}) {
    super();
    this.#inFlightMs = inFlightMs;
    this.heartbeatIntervalMs = heartbeatIntervalMs;
    this.#now = now;
    this.#lastExpiryAtMs = now();
  }

  /**
   * Takes a worker in.
   * @throws StagecoachError FAILED_PRECONDITION for another version, ALREADY_EXISTS when another living
   * process has the id, INVALID_ARGUMENT for an empty id or address.
   */
  join(hello: Hello__Output, send: Member["send"]): Member {
    checkHello(hello);
    const present = this.#members.get(hello.workerId);
    if (present !== undefined && present.hello.incarnation !== hello.incarnation && !this.#silent(present)) {
      throw new StagecoachError(
        "ALREADY_EXISTS",
        `a worker named "${hello.workerId}" is already in the cluster (process ${present.hello.processId} at ` +
          `${present.hello.address}): start this one with another --worker-id`,
      );
    }
    if (present !== undefined) this.leave(present, "joined again");
    const member: Member = {
      hello,
      shares: new TimeShares(),
      stage: undefined,
      freeMemoryBytes: hello.freeMemoryBytes,
      residentBytes: 0,
      eventLoop: undefined,
      lastHeartbeatAtMs: this.#now(),
      send,
    };
    this.#members.set(hello.workerId, member);
    this.emit("joined", member);
    return member;
  }

  /**
   * @throws StagecoachError UNAVAILABLE for a member that was taken out or replaced meanwhile: told so, a
   * worker that was only slow joins again
   */
  heartbeat(member: Member, heartbeat: Heartbeat__Output): void {
    if (this.#members.get(member.hello.workerId) !== member) {
      throw new StagecoachError(
        "UNAVAILABLE",
        `worker "${member.hello.workerId}" was taken out of the cluster before this heartbeat: join again`,
      );
    }
    member.lastHeartbeatAtMs = this.#now();
    member.freeMemoryBytes = heartbeat.freeMemoryBytes;
    member.residentBytes = heartbeat.residentBytes;
    member.eventLoop = heartbeat.eventLoop ?? undefined;
    member.stage = heartbeat.stage ?? undefined;
    if (heartbeat.stage?.times)
      member.shares.report(
        heartbeat.stage.times,
        member.lastHeartbeatAtMs,
        this.#inFlightMs(member.hello.workerId),
      );
    this.emit("heartbeat", member);
  }

  /** Takes a member out; one that was replaced meanwhile is left alone. */
  leave(member: Member, reason: string): void {
    if (this.#members.get(member.hello.workerId) !== member) return;
    this.#members.delete(member.hello.workerId);
    this.emit("left", member, reason);
  }

  /**
   * Takes out everybody who has been silent too long; call it once an interval. After this process itself
   * stood still, heartbeats may be here unread, so nobody is taken out before they had a turn.
   */
  expire(): void {
    const pauseMs = this.#now() - this.#lastExpiryAtMs;
    this.#lastExpiryAtMs = this.#now();
    if (pauseMs > 2 * this.heartbeatIntervalMs) return;
    for (const member of this.#members.values()) {
      if (this.#silent(member)) this.leave(member, `no heartbeat for ${this.#ageMs(member)} ms`);
    }
  }

  /** Members in the order of their ids. */
  members(): readonly Member[] {
    return [...this.#members.values()].sort((a, b) =>
      a.hello.workerId.localeCompare(b.hello.workerId, "en", { numeric: true }),
    );
  }

  get(workerId: string): Member | undefined {
    return this.#members.get(workerId);
  }

  #silent(member: Member): boolean {
    return this.#ageMs(member) > missedHeartbeats * this.heartbeatIntervalMs;
  }

  #ageMs(member: Member): number {
    return this.#now() - member.lastHeartbeatAtMs;
  }
}

function checkHello(hello: Hello__Output): void {
  if (hello.version !== version) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `worker "${hello.workerId}" runs stagecoach ${hello.version || "(unknown)"}, this coordinator ${version}: ` +
        "install the same version on both",
    );
  }
  for (const [name, value] of Object.entries({
    workerId: hello.workerId,
    incarnation: hello.incarnation,
    address: hello.address,
  })) {
    if (value === "")
      throw new StagecoachError("INVALID_ARGUMENT", `a worker's Hello must name its ${name}: it was empty`);
  }
}

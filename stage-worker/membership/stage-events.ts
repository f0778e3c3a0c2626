import type { EventPublisher } from "../../common/events/connect-events.js";
import type { EventBody } from "../../common/events/event-schemas.js";
import type { Heartbeat__Output } from "../../proto/gen/stagecoach/v1/Heartbeat.js";
import type { StageState__Output } from "../../proto/gen/stagecoach/v1/StageState.js";
import type { StageTimes__Output } from "../../proto/gen/stagecoach/v1/StageTimes.js";

/** What a worker publishes about itself; see docs/events/. */
export interface StageEventsOptions {
  readonly events: EventPublisher;
  readonly workerId: string;
  readonly incarnation: string;
  /** Absent without a stage. */
  readonly stageIndex: () => number | undefined;
  readonly heartbeat: () => Heartbeat__Output & { stage: StageState__Output };
}

const healthIntervalMs = 1_000;

/** Publishes a worker's health every second, and its state when it changes. */
export class StageEvents {
  readonly #options: StageEventsOptions;
  readonly #timer: NodeJS.Timeout;
  #times: StageTimes__Output = noTimes;

  constructor(options: StageEventsOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#publishHealth(), healthIntervalMs);
    this.publishState();
  }

  publishState(): void {
    const { events, workerId, incarnation, heartbeat } = this.#options;
    const { stage } = heartbeat();
    const state = knownState(stage);
    const detail = stage.error || (state === "IDLE" ? "" : `layers ${stage.firstLayer} to ${stage.endLayer}`);
    const body = { scope: "worker" as const, epoch: stage.epoch, workerId, incarnation, state, detail };
    events.publish("state", workerId, { ...body, ...this.#place() });
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#options.events.close();
  }

  #publishHealth(): void {
    const { events, workerId, incarnation, heartbeat } = this.#options;
    const { stage, residentBytes, freeMemoryBytes } = heartbeat();
    const { state: _, times, error, weights, ...figures } = stage;
    const shares = sharesBetween(this.#times, times ?? noTimes);
    this.#times = times ?? noTimes;
    const health: EventBody<"health"> = {
      ...figures,
      ...shares,
      ...this.#place(),
      ...(error !== "" && { error }),
      ...(weights !== "" && { weights }),
      workerId,
      incarnation,
      state: knownState(stage),
      residentBytes,
      freeMemoryBytes,
    };
    events.publish("health", workerId, health);
  }

  #place(): { stageIndex?: number } {
    const stageIndex = this.#options.stageIndex();
    return stageIndex === undefined ? {} : { stageIndex };
  }
}

const noTimes: StageTimes__Output = { busyMs: 0, waitInMs: 0, waitOutMs: 0, sendMs: 0 };

/** Shares of the time between two accounts; totals that shrank are a new stage's own. */
export function sharesBetween(before: StageTimes__Output, after: StageTimes__Output) {
  const from = totalOf(after) < totalOf(before) ? noTimes : before;
  const spanMs = totalOf(after) - totalOf(from);
  const share = (key: keyof StageTimes__Output): number =>
    spanMs <= 0 ? 0 : Math.min(1, Math.max(0, (after[key] - from[key]) / spanMs));
  return {
    busyShare: share("busyMs"),
    waitInShare: share("waitInMs"),
    waitOutShare: share("waitOutMs"),
    sendShare: share("sendMs"),
  };
}

function totalOf({ busyMs, waitInMs, waitOutMs, sendMs }: StageTimes__Output): number {
  return busyMs + waitInMs + waitOutMs + sendMs;
}

function knownState({ state }: StageState__Output): "IDLE" | "LOADING" | "READY" | "FAILED" {
  return state === "STATE_UNSPECIFIED" ? "IDLE" : state;
}

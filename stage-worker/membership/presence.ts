import { EventLoopWatch } from "../../common/event-loop-watch.js";
import { connectEvents } from "../../common/events/connect-events.js";
import { readMemory } from "../../common/free-memory.js";
import type { Logger } from "../../common/log.js";
import type { Hello } from "../../proto/gen/stagecoach/v1/Hello.js";
import type { Welcome__Output } from "../../proto/gen/stagecoach/v1/Welcome.js";
import { describeStage } from "../transport/describe-stage.js";
import type { SlotState } from "../transport/stage-slot.js";
import { joinCluster } from "./join-cluster.js";
import type { JoinSession } from "./join-session.js";
import { StageEvents } from "./stage-events.js";

/** What a worker's presence in the cluster is made from. */
export interface PresenceOptions {
  /** The coordinator's host:port. */
  readonly address: string;
  readonly workerId: string;
  readonly incarnation: string;
  readonly hello: () => Promise<Hello>;
  /** What the worker holds now. */
  readonly state: () => SlotState;
  /** Called when the coordinator is lost; joining again goes on meanwhile. */
  readonly onLost: () => void;
  readonly log: Logger;
}

/** A worker as the cluster sees it: its heartbeats to the coordinator and its events. */
export class Presence {
  readonly #options: PresenceOptions;
  readonly #eventLoop = new EventLoopWatch();
  #session: JoinSession | undefined;
  #events: StageEvents | undefined;

  constructor(options: PresenceOptions) {
    this.#options = options;
  }

  /** Stays in the cluster; see `joinCluster`. */
  async run(signal: AbortSignal): Promise<string> {
    const { address, hello, onLost, log } = this.#options;
    return await joinCluster(
      {
        address,
        hello,
        heartbeat: () => this.#heartbeat(),
        onWelcome: (welcome, session) => this.#welcomed(welcome, session),
        onLost: () => {
          this.close().catch((err: unknown) => log.error({ err }, "ending events failed"));
          onLost();
        },
        log,
      },
      signal,
    );
  }

  /** Tells everybody at once that the worker's state has changed. */
  changed(): void {
    this.#session?.beat();
    this.#events?.publishState();
  }

  /** Sends no more events. */
  async close(): Promise<void> {
    const events = this.#events;
    this.#session = undefined;
    this.#events = undefined;
    await events?.close();
  }

  #welcomed({ cluster, natsUrl }: Welcome__Output, session: JoinSession): void {
    const { address, workerId, incarnation, state, log } = this.#options;
    this.#session = session;
    this.#events = new StageEvents({
      events: connectEvents({ url: natsUrl, cluster, log }),
      workerId,
      incarnation,
      stageIndex: () => placeOf(state())?.stageIndex,
      heartbeat: () => this.#heartbeat(),
    });
    log.info({ cluster, coordinator: address }, "joined the cluster");
  }

  #heartbeat() {
    return {
      stage: describeStage(this.#options.state()),
      freeMemoryBytes: readMemory().freeBytes,
      residentBytes: process.memoryUsage.rss(),
      eventLoop: this.#eventLoop.use,
    };
  }
}

function placeOf(state: SlotState) {
  return state.kind === "idle" ? undefined : state.place;
}

import { once } from "node:events";
import { StagecoachError } from "../../common/errors.js";
import { waitForEvent } from "../../common/wait-for-event.js";
import { StageClient } from "../pipeline/stage-client.js";
import { planGroups } from "../planner/plan-replicas.js";
import { measureMembers, planRequestOf } from "./measure-and-plan.js";
import type { SettleVariant } from "./pipeline-session.js";
import type { Measured } from "./profile-workers.js";
import type { SessionSettings } from "./session-settings.js";
import type { SessionState } from "./session-state.js";
import type { Member, WorkerRegistry } from "./worker-registry.js";

/** What workers are parted with. */
export interface PartWorkersOptions extends SessionSettings {
  readonly registry: WorkerRegistry;
  readonly replicas: number;
  /** Workers to wait for. */
  readonly needed: number;
  readonly onState: (state: SessionState) => void;
  /** Settles the model's variant. */
  readonly settle: SettleVariant;
  readonly signal: AbortSignal;
}

/** The workers of one replica, by id, and what was measured of them. */
export interface Group {
  readonly workerIds: readonly string[];
  readonly measured: Measured;
}

/** After a failed attempt, unless a worker comes before. */
const retryPauseMs = 5_000;

/**
 * Waits for workers, has them all measured at once, and parts them among the replicas; tries again until that
 * worked. Empty when the signal aborts first.
 */
export async function partWorkers(options: PartWorkersOptions): Promise<readonly Group[]> {
  const { registry, log, onState, signal } = options;
  while (!signal.aborted) {
    try {
      return await partMembers(options, await enoughWorkers(options));
    } catch (reason) {
      if (signal.aborted) break;
      const error = StagecoachError.from(reason);
      log.error({ code: error.code, cause: error.cause }, error.message);
      onState({ kind: "failed", error });
      await waitForEvent(registry, "joined", retryPauseMs, signal);
    }
  }
  return [];
}

async function enoughWorkers({
  registry,
  needed,
  onState,
  signal,
}: PartWorkersOptions): Promise<readonly Member[]> {
  for (;;) {
    const members = registry.members();
    if (members.length >= needed) return members;
    onState({ kind: "waiting", present: members.length, needed });
    await once(registry, "joined", { signal });
  }
}

async function partMembers(options: PartWorkersOptions, members: readonly Member[]): Promise<Group[]> {
  await options.settle(options.onState, options.signal);
  options.onState({ kind: "measuring", workers: members.length });
  const clients = members.map(({ hello }) => new StageClient(hello.workerId, hello.address));
  try {
    const measured = await measureMembers(options, members, clients, options.signal);
    const groups = planGroups(planRequestOf(options, measured), options.replicas);
    return groups.map((workerIds) => ({ workerIds, measured: measuredOf(measured, workerIds) }));
  } finally {
    for (const client of clients) client.close();
  }
}

function measuredOf({ workers, links, unsteady }: Measured, group: readonly string[]): Measured {
  return {
    workers: workers.filter(({ workerId }) => group.includes(workerId)),
    links,
    unsteady: unsteady.filter((workerId) => group.includes(workerId)),
  };
}

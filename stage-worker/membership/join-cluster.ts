import { setTimeout as sleep } from "node:timers/promises";
import { type Code, StagecoachError } from "../../common/errors.js";
import type { Logger } from "../../common/log.js";
import type { Hello } from "../../proto/gen/stagecoach/v1/Hello.js";
import { type JoinSessionOptions, leavingByItself, runJoinSession } from "./join-session.js";

/** What membership needs of the worker. */
export interface JoinClusterOptions extends Omit<JoinSessionOptions, "hello"> {
  /** Asked for each session. */
  readonly hello: () => Promise<Hello>;
  /** Called when a session that had been welcomed is over and another one will be tried. */
  readonly onLost: () => void;
  readonly log: Logger;
}

/** Answers that no other attempt can change. */
const refusals: ReadonlySet<Code> = new Set([
  "FAILED_PRECONDITION",
  "INVALID_ARGUMENT",
  "PERMISSION_DENIED",
  "UNAUTHENTICATED",
  "UNIMPLEMENTED",
]);
/** How long another worker of the same name may be one of our own past that the coordinator has not missed yet. */
const namesakeMs = 5_000;
const firstRetryMs = 100;
const longestRetryMs = 2_000;

/**
 * Keeps the worker in the cluster: joins, and joins again when the coordinator goes away, with the same
 * incarnation and growing waits. Resolves with the reason for leaving when the coordinator asks the worker
 * to end or the signal aborts.
 * @throws StagecoachError when the coordinator refuses the worker: its version, its name; and what `hello` throws
 */
export async function joinCluster(options: JoinClusterOptions, signal: AbortSignal): Promise<string> {
  const { log, onLost } = options;
  let retryMs = firstRetryMs;
  let namesakeSinceMs: number | undefined;
  while (!signal.aborted) {
    const end = await runJoinSession({ ...options, hello: await options.hello() }, signal);
    if (end.kind === "left") return end.reason;
    if (end.welcomed) {
      retryMs = firstRetryMs;
      onLost();
    }
    const { code } = end.reason;
    if (refusals.has(code)) throw refused(end.reason);
    namesakeSinceMs = code === "ALREADY_EXISTS" ? (namesakeSinceMs ?? performance.now()) : undefined;
    if (namesakeSinceMs !== undefined && performance.now() - namesakeSinceMs > namesakeMs)
      throw refused(end.reason);

    if (!signal.aborted)
      log.warn({ reason: end.reason.message, retryMs }, "not in the cluster; joining again");
    await pause(retryMs * (0.5 + Math.random() / 2), signal);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  }
  return leavingByItself;
}

function refused(reason: StagecoachError): StagecoachError {
  return new StagecoachError(reason.code, `the coordinator refused this worker: ${reason.message}`, {
    cause: reason,
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (reason) {
    if (!signal.aborted) throw reason;
  }
}

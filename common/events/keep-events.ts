import { DiscardPolicy, type NatsConnection, NatsError, RetentionPolicy, StorageType } from "nats";
import { eventWildcard } from "./event-subject.js";

/** Days, bytes and messages a subject after which the oldest events leave. */
const limits = { ageDays: 7, bytes: 64 * 1024 * 1024, messagesPerSubject: 100_000 };
const nanosecondsPerDay = 86_400e9;

/**
 * Makes sure that JetStream keeps the cluster's events in a bounded stream. A stream that is already there
 * stays as its operator set it.
 * @returns false when the server has no JetStream
 */
export async function keepEvents(connection: NatsConnection, cluster: string): Promise<boolean> {
  const name = `STAGECOACH_${cluster}`;
  try {
    const manager = await connection.jetstreamManager();
    if (await streamExists(() => manager.streams.info(name))) return true;
    await manager.streams.add({
      name,
      subjects: [eventWildcard(cluster)],
      description: "Events of a Stagecoach cluster",
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      max_age: limits.ageDays * nanosecondsPerDay,
      max_bytes: limits.bytes,
      max_msgs_per_subject: limits.messagesPerSubject,
    });
    return true;
  } catch (reason) {
    if (isWithoutJetStream(reason)) return false;
    throw reason;
  }
}

async function streamExists(info: () => Promise<unknown>): Promise<boolean> {
  try {
    await info();
    return true;
  } catch (reason) {
    if (reason instanceof NatsError && reason.api_error?.code === 404) return false;
    throw reason;
  }
}

/** No JetStream in the server, or none for this account. */
function isWithoutJetStream(reason: unknown): boolean {
  return reason instanceof NatsError && (reason.code === "503" || reason.jsError()?.code === 503);
}

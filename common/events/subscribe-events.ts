import type { Msg } from "nats";
import type { Logger } from "../log.js";
import { type EventKind, type EventPayload, eventKinds, eventSchemas } from "./event-schemas.js";
import { eventWildcard, parseEventSubject } from "./event-subject.js";
import { connectNats } from "./nats-connection.js";

/** An event as received, its payload checked. */
export type ReceivedEvent = {
  [Kind in EventKind]: {
    readonly subject: string;
    readonly kind: Kind;
    readonly id: string;
    readonly payload: EventPayload<Kind>;
  };
}[EventKind];

/** What to listen to. */
export interface SubscriptionOptions {
  readonly url: string;
  readonly cluster: string;
  /** Defaults to all kinds. */
  readonly kinds?: readonly EventKind[];
  /** Ends the iteration. */
  readonly signal: AbortSignal;
  /** Told of messages that are no events; they are left out. */
  readonly log?: Logger;
  /** Called once the server knows what is wanted: events published from then on arrive. */
  readonly onListening?: () => void;
}

/**
 * Events from now on, until the signal aborts. A connection that breaks comes back by itself; what was
 * published meanwhile is lost here.
 * @throws StagecoachError UNAVAILABLE or PERMISSION_DENIED when NATS cannot be reached at first
 */
export async function* subscribeEvents(options: SubscriptionOptions): AsyncIterable<ReceivedEvent> {
  const { url, cluster, kinds = eventKinds, signal, log, onListening } = options;
  if (signal.aborted) return;
  const connection = await connectNats({ url, name: `stagecoach events (process ${process.pid})` });
  const end = () => void connection.close();
  signal.addEventListener("abort", end);
  try {
    if (signal.aborted) return;
    const subscription = connection.subscribe(eventWildcard(cluster));
    await connection.flush();
    onListening?.();
    for await (const message of subscription) {
      const event = readEvent(message, log);
      if (event !== undefined && kinds.includes(event.kind)) yield event;
    }
  } finally {
    signal.removeEventListener("abort", end);
    await connection.close();
  }
}

function readEvent(
  message: Pick<Msg, "subject" | "string">,
  log: Logger | undefined,
): ReceivedEvent | undefined {
  const parsed = parseEvent(message.subject, message.string());
  if ("problem" in parsed) {
    log?.warn({ subject: message.subject, problem: parsed.problem }, "a message is no event of this version");
    return undefined;
  }
  return parsed;
}

/** Reads one message's content, or says why it is no event. */
export function parseEvent(subject: string, text: string): ReceivedEvent | { problem: string } {
  const place = parseEventSubject(subject);
  if (place === undefined) return { problem: "the subject is no event's" };
  const content = parseJson(text);
  if (content === undefined) return { problem: "the payload is not JSON" };
  const checked = eventSchemas[place.kind].safeParse(content);
  if (!checked.success) return { problem: checked.error.issues.map((issue) => issue.message).join("; ") };
  return { subject, ...place, payload: checked.data } as ReceivedEvent;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

import { type EventKind, eventSchemas } from "./event-schemas.js";

/** Where an event stands among NATS subjects. */
export interface EventSubject {
  readonly kind: EventKind;
  /** What the event is about: a worker, an epoch, a request. Dots and blanks were replaced by `_`. */
  readonly id: string;
}

/** `stagecoach.<cluster>.<kind>.<id>`; what NATS keeps for itself is replaced in the id. */
export function eventSubject(cluster: string, kind: EventKind, id: string): string {
  return `stagecoach.${subjectToken(cluster)}.${kind}.${subjectToken(id)}`;
}

/** The subject with wildcards that all events of one kind match, or of every kind. */
export function eventWildcard(cluster: string, kind?: EventKind): string {
  return `stagecoach.${subjectToken(cluster)}.${kind === undefined ? ">" : `${kind}.*`}`;
}

/** Undefined for a subject that is no event's. */
export function parseEventSubject(subject: string): EventSubject | undefined {
  const [root, cluster, kind, id, ...rest] = subject.split(".");
  if (root !== "stagecoach" || !cluster || kind === undefined || !id || rest.length > 0) return undefined;
  return Object.hasOwn(eventSchemas, kind) ? { kind: kind as EventKind, id } : undefined;
}

/** One token of a subject: no separators, wildcards, blanks or control characters, at most 128 characters. */
function subjectToken(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 128) || "_";
}

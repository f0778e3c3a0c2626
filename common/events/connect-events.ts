import { Events, type NatsConnection } from "nats";
import { StagecoachError } from "../errors.js";
import type { Logger } from "../log.js";
import type { EventBody, EventKind } from "./event-schemas.js";
import { eventSubject } from "./event-subject.js";
import { keepEvents } from "./keep-events.js";
import { connectNats } from "./nats-connection.js";

/** Longest event, bytes; longer ones are dropped. */
const maxEventBytes = 64 * 1024;

/** Where a process leaves its events. Nothing here throws or waits: serving never depends on events. */
export interface EventPublisher {
  /** Sends an event when NATS is there and drops it otherwise; drops are counted and warned of now and then. */
  publish<Kind extends EventKind>(kind: Kind, id: string, body: EventBody<Kind>): void;
  /** `on`, or why events are off, for people. */
  readonly status: string;
  /** Events dropped so far. */
  readonly dropped: number;
  /** Sends what was published and ends the connection; takes at most a second. */
  close(): Promise<void>;
}

/** What a publisher is made from. */
export interface EventsOptions {
  /** E.g. `nats://127.0.0.1:4222`; undefined or empty makes a publisher that drops everything in silence. */
  readonly url: string | undefined;
  readonly cluster: string;
  readonly log: Logger;
}

const retryMs = 1_000;
const warnEveryMs = 30_000;
/** Bytes that may be under way to a server that does not read. */
const maxUnflushedBytes = 1_048_576;
const closeTimeoutMs = 1_000;

/** Returns at once and connects in the background, trying again for ever. */
export function connectEvents({ url, cluster, log }: EventsOptions): EventPublisher {
  if (!url) return withoutServer;
  const publisher = new NatsPublisher(url, cluster, log);
  publisher.start();
  return publisher;
}

const withoutServer: EventPublisher = {
  publish: () => undefined,
  status: "off: no NATS server was given; install nats-server or set --nats",
  dropped: 0,
  close: () => Promise.resolve(),
};

class NatsPublisher implements EventPublisher {
  status = "off: still connecting to NATS";
  dropped = 0;
  readonly #url: string;
  readonly #cluster: string;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  #connection: NatsConnection | undefined;
  #connecting: Promise<void> = Promise.resolve();
  #unflushedBytes = 0;
  #flushing = false;
  #warnedAtMs = Number.NEGATIVE_INFINITY;

  constructor(url: string, cluster: string, log: Logger) {
    this.#url = url;
    this.#cluster = cluster;
    this.#log = log;
  }

  start(): void {
    this.#connecting = this.#connect();
  }

  publish<Kind extends EventKind>(kind: Kind, id: string, body: EventBody<Kind>): void {
    const payload = Buffer.from(JSON.stringify({ at: new Date().toISOString(), ...body }));
    const obstacle = this.#obstacle(kind, payload.length);
    if (obstacle !== undefined || this.#connection === undefined) {
      this.#drop(obstacle ?? this.status);
      return;
    }
    try {
      this.#connection.publish(eventSubject(this.#cluster, kind, id), payload);
      this.#unflushedBytes += payload.length;
      this.#flush(this.#connection);
    } catch (reason) {
      this.#drop(StagecoachError.from(reason).message);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.race([this.#connecting, pause(closeTimeoutMs)]);
    const connection = this.#connection;
    this.status = "off: closed";
    if (connection === undefined) return;
    await Promise.race([connection.drain().catch(() => connection.close()), pause(closeTimeoutMs)]);
    await connection.close();
  }

  async #connect(): Promise<void> {
    const name = `stagecoach ${this.#cluster} (process ${process.pid})`;
    while (!this.#closing.signal.aborted) {
      try {
        const connection = await connectNats({ url: this.#url, name });
        if (this.#closing.signal.aborted) return await connection.close();
        this.#connection = connection;
        this.#setStatus("on");
        void this.#watch(connection);
        return await this.#keep(connection);
      } catch (reason) {
        this.#setStatus(`off: ${StagecoachError.from(reason).message}`);
        await pause(retryMs, this.#closing.signal);
      }
    }
  }

  /** Why an event cannot be sent now. */
  #obstacle(kind: EventKind, sizeBytes: number): string | undefined {
    if (this.status !== "on") return this.status;
    if (sizeBytes > maxEventBytes) return `a ${kind} event of ${sizeBytes} bytes is over ${maxEventBytes}`;
    return this.#unflushedBytes > maxUnflushedBytes ? "NATS takes events too slowly" : undefined;
  }

  /** Follows the connection's state until it is closed. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (type === Events.Disconnect) this.#setStatus("off: the connection to NATS broke; trying again");
      if (type !== Events.Reconnect) continue;
      this.#unflushedBytes = 0;
      this.#setStatus("on");
      await this.#keep(connection);
    }
  }

  async #keep(connection: NatsConnection): Promise<void> {
    try {
      const kept = await keepEvents(connection, this.#cluster);
      this.#log.debug(
        { kept },
        kept ? "JetStream keeps events" : "NATS has no JetStream: events are not kept",
      );
    } catch (reason) {
      this.#log.warn({ err: reason }, "JetStream does not keep events; they are still published");
    }
  }

  /** Learns that the server has read everything so far; one round trip at a time. */
  #flush(connection: NatsConnection): void {
    if (this.#flushing) return;
    this.#flushing = true;
    const sentBytes = this.#unflushedBytes;
    const settle = (taken: boolean) => {
      this.#flushing = false;
      if (taken) this.#unflushedBytes = Math.max(0, this.#unflushedBytes - sentBytes);
    };
    // A flush fails only when the connection broke, which its status reports.
    connection.flush().then(
      () => settle(true),
      () => settle(false),
    );
  }

  #setStatus(status: string): void {
    if (status === this.status || this.#closing.signal.aborted) return;
    this.status = status;
    if (status === "on") this.#log.info("events are on");
    else this.#warn(status);
  }

  #drop(reason: string): void {
    this.dropped += 1;
    this.#warn(reason);
  }

  #warn(reason: string): void {
    const nowMs = performance.now();
    if (this.#closing.signal.aborted || nowMs - this.#warnedAtMs < warnEveryMs) return;
    this.#warnedAtMs = nowMs;
    this.#log.warn({ dropped: this.dropped, reason }, "events do not reach NATS; serving goes on");
  }
}

/** Resolves after a time, or when the signal aborts; never keeps the process alive. */
function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    timer.unref();
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end);
  });
}

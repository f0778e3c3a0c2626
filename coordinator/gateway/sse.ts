import { once } from "node:events";
import type { OutgoingHttpHeaders } from "node:http";

/** What is used of Node's response. */
export interface RawReply extends NodeJS.EventEmitter {
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  writeHead(status: number, headers: OutgoingHttpHeaders): unknown;
  /** False when the client reads slower than it is written to; then `drain` follows. */
  write(text: string): boolean;
  end(): unknown;
}

const sseHeaders: OutgoingHttpHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache",
  connection: "keep-alive",
  // nginx would hold events back otherwise.
  "x-accel-buffering": "no",
};

/** Writes server-sent events, no faster than the client reads. */
export interface EventWriter {
  /** Writes one event with a JSON payload; resolves when more may be written. Throws the signal's reason. */
  send(data: unknown, event?: string): Promise<void>;
  /** `data: [DONE]` and the end of the reply. */
  done(): void;
  /** The end without `[DONE]`: nobody should take a broken answer for a whole one. */
  end(): void;
}

/** Begins an event stream with status 200. */
export function openEventStream(
  raw: RawReply,
  signal: AbortSignal,
  headers: OutgoingHttpHeaders,
): EventWriter {
  raw.writeHead(200, { ...headers, ...sseHeaders });
  const write = async (text: string): Promise<void> => {
    signal.throwIfAborted();
    if (!raw.write(text)) await drained(raw, signal);
  };
  return {
    send: (data, event) =>
      write(`${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`),
    done: () => {
      raw.write("data: [DONE]\n\n");
      raw.end();
    },
    end: () => {
      raw.end();
    },
  };
}

async function drained(raw: RawReply, signal: AbortSignal): Promise<void> {
  try {
    await once(raw, "drain", { signal });
  } catch (reason) {
    throw signal.aborted ? signal.reason : reason;
  }
}

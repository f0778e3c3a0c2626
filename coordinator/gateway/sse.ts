import { once } from "node:events";
import type { OutgoingHttpHeaders } from "node:http";
import { Duplex } from "node:stream";

/** What is used of Node's response. */
export interface RawReply extends NodeJS.EventEmitter {
  readonly writableEnded: boolean;
  readonly writableFinished: boolean;
  /** Whether it frames what is written in chunks, settled with the headers. */
  chunkedEncoding: boolean;
  readonly socket: unknown;
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
  /**
   * Writes events, each the JSON of its data, at once; a promise when the next ones should wait. Throws the signal's
   * reason.
   */
  send(events: readonly string[]): void | Promise<void>;
  /** `data: [DONE]` and the end of the reply. */
  done(): void;
  /** An `error` event and the end without `[DONE]`: nobody should take a broken answer for a whole one. */
  fail(data: string): void;
}

/** Begins an event stream with status 200. */
export function openEventStream(
  raw: RawReply,
  signal: AbortSignal,
  headers: OutgoingHttpHeaders,
): EventWriter {
  raw.writeHead(200, { ...headers, ...sseHeaders });
  const body = openBody(raw);
  return {
    send: (events) => {
      if (signal.aborted) throw signal.reason;
      let text = "";
      for (const event of events) text += `data: ${event}\n\n`;
      return text === "" || body.write(text) ? undefined : drained(raw, signal);
    },
    done: () => body.end("data: [DONE]\n\n"),
    fail: (data) => body.end(`event: error\ndata: ${data}\n\n`),
  };
}

interface Body {
  write(text: string): boolean;
  end(text: string): void;
}

/**
 * The body after its headers. Chunks are framed here: Node would hand each to the connection in three pieces, a tick
 * later.
 */
function openBody(raw: RawReply): Body {
  // Not with HTTP 1.0, where the body ends with its connection, nor where no connection is.
  const chunked = raw.chunkedEncoding && raw.socket instanceof Duplex;
  if (chunked) raw.chunkedEncoding = false;
  const framed = (text: string): string =>
    chunked ? `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n` : text;
  return {
    write: (text) => raw.write(framed(text)),
    end: (text) => {
      raw.write(framed(text) + (chunked ? "0\r\n\r\n" : ""));
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

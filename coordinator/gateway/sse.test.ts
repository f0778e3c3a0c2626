import { EventEmitter } from "node:events";
import { Duplex } from "node:stream";
import { describe, expect, it } from "vitest";
import { createActiveRequests } from "./active-requests.js";
import { openEventStream, type RawReply } from "./sse.js";

/** Node's response without a socket. */
class FakeReply extends EventEmitter implements RawReply {
  readonly written: string[] = [];
  writableEnded = false;
  writableFinished = false;
  chunkedEncoding = false;
  socket: unknown;
  full = false;
  writeHead(): void {}
  write(text: string): boolean {
    this.written.push(text);
    return !this.full;
  }
  end(): void {
    this.writableEnded = true;
  }
  /** The connection closes, before or after the reply is finished. */
  close(finished: boolean): void {
    this.writableFinished = finished;
    this.emit("close");
  }
}

describe("openEventStream", () => {
  it("frames events and waits while the client does not read", async () => {
    const raw = new FakeReply();
    const writer = openEventStream(raw, new AbortController().signal, {});
    expect(writer.send(['{"text":"a"}', '{"text":"b"}'])).toBeUndefined();
    expect(writer.send([])).toBeUndefined();
    raw.full = true;
    let sent = false;
    const sending = writer.send(['{"n":2}'])?.then(() => {
      sent = true;
    });
    await new Promise(setImmediate);
    expect(sent).toBe(false);
    raw.emit("drain");
    await sending;
    writer.done();
    const texts = ['data: {"text":"a"}\n\ndata: {"text":"b"}\n\n', 'data: {"n":2}\n\n', "data: [DONE]\n\n"];
    expect(raw.written).toEqual(texts);
    expect(raw.writableEnded).toBe(true);
  });

  it("stops waiting with the signal's reason", async () => {
    const raw = new FakeReply();
    const controller = new AbortController();
    const writer = openEventStream(raw, controller.signal, {});
    raw.full = true;
    const sending = writer.send(["{}"]);
    const reason = new Error("gone");
    controller.abort(reason);
    await expect(sending).rejects.toBe(reason);
    expect(() => writer.send(["{}"])).toThrow(reason);
  });

  it("frames chunks itself where the body is chunked, by their bytes", () => {
    const raw = new FakeReply();
    raw.chunkedEncoding = true;
    raw.socket = new Duplex();
    const writer = openEventStream(raw, new AbortController().signal, {});
    expect(raw.chunkedEncoding).toBe(false);
    void writer.send(['"é"']);
    writer.fail('"gone"');
    const failed = 'event: error\ndata: "gone"\n\n';
    expect(raw.written).toEqual(['c\r\ndata: "é"\n\n\r\n', `1b\r\n${failed}\r\n0\r\n\r\n`]);
  });
});

describe("createActiveRequests", () => {
  it("cancels a request whose connection closes before its reply is finished", () => {
    const active = createActiveRequests();
    const [left, finished] = [new FakeReply(), new FakeReply()];
    const leftSignal = active.track(left);
    const finishedSignal = active.track(finished);
    expect(active.count).toBe(2);
    left.close(false);
    finished.close(true);
    expect(leftSignal.reason).toMatchObject({ code: "CANCELLED" });
    expect(finishedSignal.aborted).toBe(false);
    expect(active.count).toBe(0);
  });

  it("is idle when the last one has closed", async () => {
    const active = createActiveRequests();
    const raw = new FakeReply();
    active.track(raw);
    let idle = false;
    const waiting = active.idle().then(() => {
      idle = true;
    });
    await new Promise(setImmediate);
    expect(idle).toBe(false);
    raw.close(true);
    await waiting;
    await active.idle();
  });
});

import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { createActiveRequests } from "./active-requests.js";
import { openEventStream, type RawReply } from "./sse.js";

/** Node's response without a socket. */
class FakeReply extends EventEmitter implements RawReply {
  readonly written: string[] = [];
  writableEnded = false;
  writableFinished = false;
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
    await writer.send({ text: "line\nbreak" });
    raw.full = true;
    let sent = false;
    const sending = writer.send({ n: 2 }).then(() => {
      sent = true;
    });
    await new Promise(setImmediate);
    expect(sent).toBe(false);
    raw.emit("drain");
    await sending;
    writer.done();
    expect(raw.written.join("")).toBe('data: {"text":"line\\nbreak"}\n\ndata: {"n":2}\n\ndata: [DONE]\n\n');
    expect(raw.writableEnded).toBe(true);
  });

  it("stops waiting with the signal's reason", async () => {
    const raw = new FakeReply();
    const controller = new AbortController();
    const writer = openEventStream(raw, controller.signal, {});
    raw.full = true;
    const sending = writer.send({});
    const reason = new Error("gone");
    controller.abort(reason);
    await expect(sending).rejects.toBe(reason);
    await expect(writer.send({})).rejects.toBe(reason);
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

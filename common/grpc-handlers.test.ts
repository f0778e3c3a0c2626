import { type ServerUnaryCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { FakeCall, nextEvent } from "../test/fixtures/fake-grpc-call.js";
import { StagecoachError } from "./errors.js";
import { toServiceError } from "./grpc-error.js";
import { type CallContext, serverStreamHandler, unaryHandler } from "./grpc-handlers.js";

function runStream(handle: (request: unknown, context: CallContext) => AsyncIterable<unknown>): FakeCall {
  const call = new FakeCall();
  serverStreamHandler(handle)(call as unknown as ServerWritableStream<unknown, unknown>);
  return call;
}

describe("toServiceError", () => {
  it("keeps code and message of ours, and makes INTERNAL of what nobody foresaw", () => {
    const known = toServiceError(new StagecoachError("RESOURCE_EXHAUSTED", "the queue is full"));
    expect(known).toMatchObject({ code: status.RESOURCE_EXHAUSTED, details: "the queue is full" });
    expect(toServiceError(new TypeError("x is undefined"))).toMatchObject({ code: status.INTERNAL });
  });

  it("survives half of a surrogate pair, which grpc-js could not encode", () => {
    const { details } = toServiceError(new StagecoachError("INVALID_ARGUMENT", "bad \ud800 text"));
    expect(details).toBe("bad \ufffd text");
    expect(() => encodeURI(details)).not.toThrow();
  });
});

describe("unaryHandler", () => {
  it("answers with the value or the thrown error's status", async () => {
    const answer = (handle: (request: number) => number) =>
      new Promise((resolve) => {
        const call = new FakeCall(4);
        unaryHandler(handle)(call as unknown as ServerUnaryCall<number, number>, (error, value) =>
          resolve(error ?? value),
        );
      });
    expect(await answer((request) => request * 2)).toBe(8);
    const failing = () => {
      throw new StagecoachError("NOT_FOUND", "no such thing");
    };
    expect(await answer(failing)).toMatchObject({ code: status.NOT_FOUND });
  });
});

describe("serverStreamHandler", () => {
  it("turns a throw before the stream exists into a status", async () => {
    const call = new FakeCall();
    const failed = nextEvent(call, "error");
    serverStreamHandler(() => {
      throw new StagecoachError("INVALID_ARGUMENT", "bad");
    })(call as unknown as ServerWritableStream<unknown, unknown>);
    expect(await failed).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it("writes what came before an error, then its status", async () => {
    const call = runStream(async function* () {
      yield 1;
      throw new StagecoachError("UNAVAILABLE", "gone");
    });
    expect(await nextEvent(call, "error")).toMatchObject({ code: status.UNAVAILABLE });
    expect(call.written).toEqual([1]);
  });

  it("pulls no further while the client does not read", async () => {
    let pulled = 0;
    const call = runStream(async function* () {
      for (; pulled < 3; ) yield ++pulled;
    });
    call.full = true;
    await nextEvent(call, "written");
    await new Promise(setImmediate);
    expect(pulled).toBe(1);
    call.full = false;
    call.emit("drain");
    await nextEvent(call, "ended");
    expect(call.written).toEqual([1, 2, 3]);
  });

  it("ends the generator of a client that goes away while its buffer is full", async () => {
    let ended = (): void => undefined;
    const generatorEnded = new Promise<void>((resolve) => {
      ended = resolve;
    });
    let reason: unknown;
    const call = runStream(async function* (_request, { signal }) {
      try {
        for (;;) yield 1;
      } finally {
        reason = signal.reason;
        ended();
      }
    });
    call.full = true;
    await nextEvent(call, "written");
    call.cancel();
    await generatorEnded;
    expect(reason).toMatchObject({ code: "CANCELLED" });
    expect(call.ended).toBe(false);
  });
});

import { type sendUnaryData, status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { v1 } from "../../common/proto.js";
import type { GenerateReply } from "../../proto/gen/stagecoach/v1/GenerateReply.js";
import { FakeCall, nextEvent } from "../../test/fixtures/fake-grpc-call.js";
import { type Script, silence, spell } from "../../test/fixtures/fake-token-port.js";
import { inferenceOverPort } from "../../test/fixtures/inference-over-port.js";
import { inferenceService } from "./grpc-inference.js";

type Method = "Generate" | "Chat" | "Embed" | "Tokenize" | "ListModels";
type Handler = (call: FakeCall, callback?: sendUnaryData<unknown>) => void;

function setUp(script: Script = () => spell("Hi!")) {
  const { port, inference } = inferenceOverPort(script);
  const { implementation } = inferenceService(inference);
  const handler = (method: Method) => implementation[method] as unknown as Handler;
  const stream = (method: Method, request: object) => {
    const call = new FakeCall(overTheWire(method, request));
    handler(method)(call);
    return call;
  };
  const unary = (method: Method, request: object) =>
    new Promise<unknown>((resolve) => {
      const call = new FakeCall(overTheWire(method, request));
      handler(method)(call, (error, value) => resolve(error ?? value));
    });
  return { port, stream, unary };
}

/** A request as the server sees it, with what proto3 makes of absent fields. */
function overTheWire(method: Method, request: object): unknown {
  const { requestSerialize, requestDeserialize } = v1.Inference.service[method];
  return requestDeserialize(requestSerialize(request));
}

describe("Generate", () => {
  it("hands on priority and user", async () => {
    const { stream, port } = setUp();
    await nextEvent(stream("Generate", { prompt: "hi", priority: -2, user: "me" }), "ended");
    await nextEvent(stream("Chat", { messages: [{ role: "user", content: "x" }], user: "me" }), "ended");
    const [generated, chatted] = port.requests;
    expect(generated).toMatchObject({ priority: -2, user: expect.stringMatching(/^user:/) });
    expect(chatted).toMatchObject({ priority: 0, user: generated?.user });
  });

  it("streams text, ids and, last, reason and usage", async () => {
    const { stream, port } = setUp();
    const call = stream("Generate", { prompt: "hi" });
    await nextEvent(call, "ended");
    const replies = call.written as GenerateReply[];
    expect(replies.map(({ text }) => text).join("")).toBe("Hi!");
    expect(replies.flatMap(({ tokenIds = [] }) => tokenIds)).toEqual([72, 105, 33]);
    const usage = { promptTokens: 2, completionTokens: 4, cachedTokens: 0 };
    expect(replies.at(-1)).toMatchObject({ finishReason: "stop", usage });
    expect(replies.slice(0, -1).every((reply) => reply.usage === undefined)).toBe(true);
    expect(port.requests[0]).toMatchObject({
      maxTokens: 62,
      sampling: { temperature: 1, wantLogprobs: false },
    });
  });

  it("takes token ids and tells zero from absent options", async () => {
    const { stream, port } = setUp();
    const options = {
      temperature: 0,
      logprobs: 0,
      seed: 0,
      logitBias: { 5: 1.5 },
      stopTokenIds: [9],
      maxTokens: 3,
    };
    await nextEvent(stream("Generate", { promptIds: { ids: [1, 2] }, options }), "ended");
    expect([...(port.requests[0]?.promptIds ?? [])]).toEqual([1, 2]);
    expect(port.requests[0]).toMatchObject({
      maxTokens: 3,
      sampling: { temperature: 0, seed: 0, wantLogprobs: true, logitBias: [{ tokenId: 5, bias: 1.5 }] },
    });
  });

  it("gives log-probabilities with text and bytes", async () => {
    const { stream } = setUp(() => [
      { tokenId: 65, logprob: -0.5, top: [{ tokenId: 0xc3, logprob: -1 }], finished: "length" },
    ]);
    const call = stream("Generate", { prompt: "x", options: { logprobs: 1 } });
    await nextEvent(call, "ended");
    const chosen = { tokenId: 65, text: "A", logprob: -0.5, bytes: Buffer.from("A") };
    const top = [{ tokenId: 0xc3, text: "\ufffd", logprob: -1, bytes: Buffer.from([0xc3]) }];
    expect(call.written).toMatchObject([{ logprobs: [{ chosen, top }] }]);
  });

  it.each([
    [{}, status.INVALID_ARGUMENT, "prompt_ids"],
    [{ prompt: "" }, status.INVALID_ARGUMENT, "prompt"],
    [{ prompt: "x", model: "gpt" }, status.NOT_FOUND, '"gpt"'],
    [{ prompt: "x", options: { temperature: Number.NaN } }, status.INVALID_ARGUMENT, "NaN"],
    [{ prompt: "x", options: { maxTokens: 0 } }, status.INVALID_ARGUMENT, "max_tokens"],
  ])("refuses %j", async (request, code, named) => {
    const { stream } = setUp();
    const call = stream("Generate", request);
    expect(await nextEvent(call, "error")).toMatchObject({ code, details: expect.stringContaining(named) });
  });

  it("frees the sequence of a client that cancels", async () => {
    const { stream, port } = setUp(silence);
    const call = stream("Generate", { prompt: "x" });
    await new Promise(setImmediate);
    expect(port.running()).toBe(1);
    call.cancel();
    await new Promise(setImmediate);
    expect(port.running()).toBe(0);
  });
});

describe("the other methods", () => {
  const { stream, unary, port } = setUp();

  it("chat through the model's template", async () => {
    const call = stream("Chat", { messages: [{ role: "user", content: "hey" }] });
    await nextEvent(call, "ended");
    expect(Buffer.from(port.requests[0]?.promptIds ?? []).toString()).toBe("user: hey\nassistant:");
    const empty = stream("Chat", { messages: [] });
    expect(await nextEvent(empty, "error")).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  it("tokenize, list the model, and say that embeddings are missing", async () => {
    expect(await unary("Tokenize", { text: "hi" })).toEqual({ ids: [104, 105] });
    expect(await unary("Tokenize", { text: "hi", model: "x" })).toMatchObject({ code: status.NOT_FOUND });
    const model = { id: "tiny", variant: "f32", maxContext: 64, vocabularySize: 258, createdUnixSeconds: 1 };
    expect(await unary("ListModels", {})).toEqual({ models: [model] });
    expect(await unary("Embed", {})).toMatchObject({ code: status.UNIMPLEMENTED });
  });
});

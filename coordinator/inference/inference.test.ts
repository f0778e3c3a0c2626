import { describe, expect, it } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { endTokenId } from "../../test/fixtures/byte-tokenizer.js";
import { type Script, silence, spell } from "../../test/fixtures/fake-token-port.js";
import { inferenceOverPort } from "../../test/fixtures/inference-over-port.js";
import type { Generation, GenerationChunk } from "./generation.js";
import type { GenerateParams, RequestOptions } from "./request.js";

const never = new AbortController().signal;

function setUp(script: Script, maxContext?: number) {
  const { port, metrics, inference } = inferenceOverPort(script, maxContext);
  const generate = (options: RequestOptions = {}, params: Partial<GenerateParams> = {}) =>
    inference.generate({ prompts: ["hi"], options, ...params }, never);
  return { port, metrics, inference, generate };
}

async function collect(generation: Generation): Promise<GenerationChunk[]> {
  const chunks: GenerationChunk[] = [];
  await generation.run((chunk) => {
    chunks.push(chunk);
  });
  return chunks;
}

function textOf(chunks: readonly GenerationChunk[], index = 0): string {
  return chunks
    .filter((chunk) => chunk.index === index)
    .map(({ text }) => text)
    .join("");
}

describe("text", () => {
  it("never comes as half a character, however tokens cut it", async () => {
    const { generate } = setUp(() => spell("añ🙂b"));
    const chunks = await collect(generate());
    expect(chunks.map(({ text }) => text)).toEqual(["a", "", "ñ", "", "", "", "🙂", "b", ""]);
    expect(chunks.at(-1)).toMatchObject({ finishReason: "stop", tokens: [] });
  });

  it("ends with a replacement character when generation ends inside one", async () => {
    const { generate } = setUp(() => [{ tokenId: 0xf0 }, { tokenId: 0x9f, finished: "length" }]);
    const chunks = await collect(generate());
    expect(textOf(chunks)).toBe("\ufffd");
    expect(chunks.at(-1)?.finishReason).toBe("length");
  });

  it("leaves control tokens out and keeps their ids", async () => {
    const { generate } = setUp(() => [
      { tokenId: 97 },
      { tokenId: endTokenId },
      { tokenId: 98, finished: "length" },
    ]);
    const chunks = await collect(generate({ ignoreEos: true }));
    expect(textOf(chunks)).toBe("ab");
    expect(chunks.flatMap(({ tokens }) => tokens.map(({ tokenId }) => tokenId))).toEqual([
      97,
      endTokenId,
      98,
    ]);
  });
});

describe("stop texts", () => {
  it("end the text although several tokens make them, and free the sequence", async () => {
    const { generate, port } = setUp(() => spell("one END two"));
    const chunks = await collect(generate({ stop: [" END"] }));
    expect(textOf(chunks)).toBe("one");
    expect(chunks.at(-1)).toMatchObject({ finishReason: "stop" });
    expect(port.running()).toBe(0);
  });

  it("give back what only began like one", async () => {
    const { generate } = setUp(() => spell("one EN", "length"));
    expect(textOf(await collect(generate({ stop: [" END"] })))).toBe("one EN");
  });

  it("count only after min_tokens", async () => {
    const { generate } = setUp(() => spell("XaXb"));
    expect(textOf(await collect(generate({ stop: ["X"], minTokens: 1 })))).toBe("Xa");
  });
});

describe("requests to the pipeline", () => {
  it("carry complete sampling, the prompt's tokens and the end tokens", async () => {
    const { generate, port } = setUp(() => spell("x"));
    await collect(generate({ seed: 5, maxTokens: 9 }));
    const [request] = port.requests;
    expect([...(request?.promptIds ?? [])]).toEqual([104, 105]);
    expect(request).toMatchObject({ maxTokens: 9, sampling: { temperature: 1, seed: 5 } });
    expect([...(request?.stopTokenIds ?? [])]).toEqual([endTokenId]);
  });

  it("take the rest of the context unless the endpoint has a default", async () => {
    const { generate, port } = setUp(() => spell("x"));
    await collect(generate());
    await collect(generate({}, { defaultMaxTokens: 16 }));
    await collect(generate({}, { defaultMaxTokens: 1000 }));
    expect(port.requests.map(({ maxTokens }) => maxTokens)).toEqual([62, 16, 62]);
  });

  it("have ids that never repeat", async () => {
    const { generate, port } = setUp(() => spell("x"));
    await collect(generate({}, { n: 3 }));
    await collect(generate());
    expect(new Set(port.requests.map(({ requestId }) => requestId)).size).toBe(4);
  });

  it("render a chat through the model's template", async () => {
    const { inference, port } = setUp(() => spell("x"));
    const messages = [{ role: "user", content: "hey" }];
    await collect(inference.chat({ messages, options: {} }, never));
    expect(Buffer.from(port.requests[0]?.promptIds ?? []).toString()).toBe("user: hey\nassistant:");
  });
});

describe("several continuations", () => {
  it("run side by side with seeds of their own, each prompt counted once", async () => {
    const { generate, port } = setUp(({ sampling }) => [
      ...spell(`s${sampling.seed}`).slice(0, -1),
      { finished: "stop", cachedTokens: 1 },
    ]);
    const generation = generate({ seed: 40 }, { prompts: ["a", "bcd"], n: 2 });
    const chunks = await collect(generation);
    expect([0, 1, 2, 3].map((index) => textOf(chunks, index))).toEqual(["s40", "s41", "s40", "s41"]);
    expect(generation.usage()).toEqual({ promptTokens: 4, completionTokens: 16, cachedTokens: 2 });
    expect(port.running()).toBe(0);
  });

  it("all end when one fails", async () => {
    const { generate, port } = setUp((request, signal) => {
      if (request.sampling.seed !== 1) return silence(request, signal);
      throw new StagecoachError("RESOURCE_EXHAUSTED", "the queue is full");
    });
    const running = collect(generate({ seed: 0 }, { n: 3 }));
    await expect(running).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect(port.running()).toBe(0);
  });
});

describe("ends", () => {
  it("count tokens as vLLM does, the end token included", async () => {
    const { generate } = setUp(() => spell("abc"));
    const generation = generate();
    await collect(generation);
    expect(generation.usage()).toEqual({ promptTokens: 2, completionTokens: 4, cachedTokens: 0 });
  });

  it("free the sequence when the caller leaves, and count it as aborted", async () => {
    const { inference, port, metrics } = setUp(() => spell("abc"));
    const left = new AbortController();
    const texts: string[] = [];
    const running = inference.generate({ prompts: ["hi"], options: {} }, left.signal).run(({ text }) => {
      texts.push(text);
      if (text === "b") left.abort(new StagecoachError("CANCELLED", "the client went away"));
    });
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    expect(texts).toEqual(["a", "b"]);
    expect(port.running()).toBe(0);
    expect(await metrics.render()).toMatch(/request_success_total\{finished_reason="abort"[^}]*\} 1/);
  });

  it("free the sequence when a chunk cannot be taken, and count it as an error", async () => {
    const { generate, port, metrics } = setUp(() => spell("abc"));
    const running = generate().run(({ text }) => {
      if (text === "b") throw new StagecoachError("INTERNAL", "no room");
    });
    await expect(running).rejects.toThrow("no room");
    expect(port.running()).toBe(0);
    expect(await metrics.render()).toMatch(/request_success_total\{finished_reason="error"[^}]*\} 1/);
  });

  it("wait until a chunk is taken", async () => {
    const { generate } = setUp(() => spell("abc"));
    const texts: string[] = [];
    let read = (): void => undefined;
    const running = generate().run(({ text }) => {
      texts.push(text);
      return new Promise((resolve) => {
        read = resolve;
      });
    });
    await new Promise(setImmediate);
    expect(texts).toEqual(["a"]);
    for (let count = 1; count <= 4; count++) {
      expect(texts).toHaveLength(count);
      read();
      await new Promise(setImmediate);
    }
    await running;
    expect(texts.join("")).toBe("abc");
  });

  it("come before the pipeline hears of a request that is cancelled already", async () => {
    const { inference, port } = setUp(() => spell("abc"));
    const cancelled = AbortSignal.abort(new StagecoachError("CANCELLED", "the client went away"));
    const running = collect(inference.generate({ prompts: ["x"], options: {} }, cancelled));
    await expect(running).rejects.toMatchObject({ code: "CANCELLED" });
    expect(port.requests).toEqual([]);
  });

  it("throw the signal's own reason while nothing comes", async () => {
    const { inference, port } = setUp(silence);
    const controller = new AbortController();
    const waiting = collect(inference.generate({ prompts: ["x", "y"], options: {} }, controller.signal));
    await new Promise(setImmediate);
    expect(port.running()).toBe(2);
    controller.abort(new StagecoachError("DEADLINE_EXCEEDED", "too late"));
    await expect(waiting).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(port.running()).toBe(0);
  });

  it("are INTERNAL when the pipeline just stops talking", async () => {
    const { generate } = setUp(() => [{ tokenId: 97 }]);
    await expect(collect(generate())).rejects.toMatchObject({ code: "INTERNAL" });
  });

  it("are counted by reason", async () => {
    const { generate, metrics } = setUp(() => spell("ab", "length"));
    await collect(generate());
    const text = await metrics.render();
    expect(text).toMatch(/request_success_total\{finished_reason="length"[^}]*\} 1/);
    expect(text).toMatch(/stagecoach_generation_tokens_total\{[^}]*\} 2/);
    expect(text).toMatch(/time_to_first_token_seconds_count\{[^}]*\} 1/);
    expect(text).toMatch(/inter_token_latency_seconds_count\{[^}]*\} 1/);
  });
});

describe("refusals", () => {
  const { inference, generate, port } = setUp(() => spell("x"));
  const chat = (...messages: { role: string; content: string }[]) =>
    inference.chat({ messages, options: {} }, never);

  it.each<[string, () => unknown, string, string[]]>([
    ["an unknown model", () => generate({}, { model: "gpt" }), "NOT_FOUND", ['"gpt"', '"tiny"']],
    ["an empty prompt", () => generate({}, { prompts: [""] }), "INVALID_ARGUMENT", ["prompt"]],
    ["no token ids", () => generate({}, { prompts: [[]] }), "INVALID_ARGUMENT", ["prompt"]],
    [
      "ids beyond the vocabulary",
      () => generate({}, { prompts: [[258]] }),
      "INVALID_ARGUMENT",
      ["258", "257"],
    ],
    ["broken Unicode", () => generate({}, { prompts: ["a\ud800"] }), "INVALID_ARGUMENT", ["position 1"]],
    [
      "a long prompt",
      () => generate({}, { prompts: ["x".repeat(64)] }),
      "INVALID_ARGUMENT",
      ["64 tokens", "of 64"],
    ],
    [
      "a huge prompt",
      () => generate({}, { prompts: ["x".repeat(9999)] }),
      "INVALID_ARGUMENT",
      ["at least 1667"],
    ],
    ["many ids", () => generate({}, { prompts: [Array(70).fill(1)] }), "INVALID_ARGUMENT", ["70", "64"]],
    ["too much output", () => generate({ maxTokens: 63 }), "INVALID_ARGUMENT", ["63", "2 tokens", "62"]],
    [
      "more at least than at most",
      () => generate({ minTokens: 5, maxTokens: 4 }),
      "INVALID_ARGUMENT",
      ["5", "4"],
    ],
    ["no continuation", () => generate({}, { n: 0 }), "INVALID_ARGUMENT", ["n is 0", "1 to 16"]],
    [
      "too many of them",
      () => generate({}, { prompts: Array(9).fill("x"), n: 16 }),
      "INVALID_ARGUMENT",
      ["144"],
    ],
    ["no messages", () => chat(), "INVALID_ARGUMENT", ["messages"]],
    [
      "a long chat",
      () => chat({ role: "user", content: "x".repeat(60) }),
      "INVALID_ARGUMENT",
      ["messages", "64"],
    ],
    ["bad ids to decode", () => inference.detokenize([1, -1]), "INVALID_ARGUMENT", ["-1"]],
  ])("name %s", (_name, act, code, named) => {
    let error: unknown;
    try {
      act();
    } catch (reason) {
      error = reason;
    }
    expect(error).toMatchObject({ code });
    for (const each of named) expect(String(error)).toContain(each);
    expect(port.requests).toEqual([]);
  });
});

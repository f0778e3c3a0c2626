import { describe, expect, it } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { createLogger } from "../../common/log.js";
import { endTokenId } from "../../test/fixtures/byte-tokenizer.js";
import { type Script, spell } from "../../test/fixtures/fake-token-port.js";
import { inferenceOverPort } from "../../test/fixtures/inference-over-port.js";
import { createHttpApp } from "./http-app.js";
import { maxBodyBytes } from "./json-body.js";

function setUp(script: Script = () => spell("Hi!")) {
  const { port, inference, metrics } = inferenceOverPort(script);
  const state = { serving: true, detail: "" };
  const log = createLogger({ name: "test", level: "silent" });
  const { fastify, active } = createHttpApp({ inference, status: () => state, log, metrics });
  const post = (url: string, body: unknown) =>
    fastify.inject({
      method: "POST",
      url,
      payload: body as object,
      headers: { "content-type": "application/json" },
    });
  const complete = (body: object) => post("/v1/completions", { prompt: "hi", ...body });
  const chat = (body: object) =>
    post("/v1/chat/completions", { messages: [{ role: "user", content: "hi" }], ...body });
  return { port, state, app: fastify, active, post, complete, chat };
}

/** The JSON payloads of an event stream, and its last line. */
function events(payload: string) {
  const blocks = payload.trimEnd().split("\n\n");
  const data = blocks.map((block) => block.replace(/^(event: .*\n)?data: /, ""));
  return {
    blocks,
    done: data.at(-1) === "[DONE]",
    json: data.filter((each) => each !== "[DONE]").map((each) => JSON.parse(each)),
  };
}

describe("completions", () => {
  it("answer in OpenAI's form", async () => {
    const { complete, port } = setUp();
    const reply = await complete({ model: "tiny", user: "me" });
    expect(reply.statusCode).toBe(200);
    expect(reply.json()).toEqual({
      id: expect.stringMatching(/^cmpl-/),
      object: "text_completion",
      created: expect.any(Number),
      model: "tiny",
      choices: [{ index: 0, text: "Hi!", logprobs: null, finish_reason: "stop" }],
      usage: {
        prompt_tokens: 2,
        completion_tokens: 4,
        total_tokens: 6,
        prompt_tokens_details: { cached_tokens: 0 },
      },
    });
    expect(port.requests[0]?.maxTokens).toBe(16);
  });

  it.each([
    ["a text", "hi", [[104, 105]]],
    ["texts", ["a", "b"], [[97], [98]]],
    ["token ids", [1, 2], [[1, 2]]],
    ["lists of token ids", [[1], [2, 3]], [[1], [2, 3]]],
  ])("take %s as prompt", async (_name, prompt, expected) => {
    const { complete, port } = setUp();
    const reply = await complete({ prompt });
    expect(reply.json().choices).toHaveLength(expected.length);
    expect(port.requests.map(({ promptIds }) => [...promptIds])).toEqual(expected);
  });

  it("pass every option on", async () => {
    const { complete, port } = setUp();
    const options = { temperature: 0.5, top_k: 5, top_p: 0.9, min_p: 0.1, repetition_penalty: 1.2, seed: 3 };
    const more = { presence_penalty: 0.5, frequency_penalty: -0.5, logit_bias: { 65: -100 }, min_tokens: 2 };
    await complete({
      ...options,
      ...more,
      max_tokens: 5,
      stop_token_ids: [7],
      ignore_eos: true,
      logprobs: 2,
    });
    expect(port.requests[0]).toMatchObject({
      maxTokens: 5,
      stopTokenIds: new Set([7]),
      sampling: {
        temperature: 0.5,
        topK: 5,
        topP: 0.9,
        minP: 0.1,
        repetitionPenalty: 1.2,
        presencePenalty: 0.5,
        frequencyPenalty: -0.5,
        logitBias: [{ tokenId: 65, bias: -100 }],
        seed: 3,
        suppressedTokenIds: [endTokenId, 7],
        suppressedUntilLength: 2,
        wantLogprobs: true,
        topLogprobs: 2,
      },
    });
  });

  it("list log-probabilities, partial characters by their bytes", async () => {
    const { complete } = setUp(() => [
      { tokenId: 65, logprob: -0.5, top: [{ tokenId: 66, logprob: -1 }] },
      { tokenId: 0xc3, logprob: Number.NEGATIVE_INFINITY, top: [], finished: "length" },
    ]);
    const reply = await complete({ logprobs: 1 });
    expect(reply.json().choices[0].logprobs).toEqual({
      tokens: ["A", "bytes:\\xc3"],
      token_logprobs: [-0.5, -9999],
      top_logprobs: [{ B: -1 }, {}],
      text_offset: [0, 1],
    });
  });
});

describe("chats", () => {
  it("answer in OpenAI's form", async () => {
    const { chat, port } = setUp();
    const content = [
      { type: "text", text: "a" },
      { type: "text", text: "b" },
    ];
    const messages = [
      { role: "developer", content: "be brief" },
      { role: "user", content },
    ];
    const reply = await chat({ messages, max_completion_tokens: 9, n: 2 });
    expect(reply.json()).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: "chat.completion",
      choices: [
        { index: 0, message: { role: "assistant", content: "Hi!" }, logprobs: null, finish_reason: "stop" },
        { index: 1, message: { role: "assistant", content: "Hi!" }, logprobs: null, finish_reason: "stop" },
      ],
    });
    expect(port.requests.map(({ maxTokens }) => maxTokens)).toEqual([9, 9]);
    const prompt = Buffer.from(port.requests[0]?.promptIds ?? []).toString();
    expect(prompt).toBe("system: be brief\nuser: a\nb\nassistant:");
  });

  it("list log-probabilities with bytes and alternatives", async () => {
    const { chat, port } = setUp(() => [
      { tokenId: 65, logprob: -0.5, top: [{ tokenId: 66, logprob: -1 }], finished: "length" },
    ]);
    const reply = await chat({ logprobs: true, top_logprobs: 1 });
    const other = { token: "B", logprob: -1, bytes: [66] };
    const content = [{ token: "A", logprob: -0.5, bytes: [65], top_logprobs: [other] }];
    expect(reply.json().choices[0].logprobs).toEqual({ content, refusal: null });
    expect(port.requests[0]?.sampling).toMatchObject({ wantLogprobs: true, topLogprobs: 1 });
  });
});

describe("streams", () => {
  it("of a chat begin with the role and end with usage and [DONE]", async () => {
    const { chat } = setUp();
    const reply = await chat({ stream: true, stream_options: { include_usage: true } });
    expect(reply.headers["content-type"]).toContain("text/event-stream");
    const { json, done } = events(reply.payload);
    expect(done).toBe(true);
    expect(json.map(({ choices: [choice] }) => [choice?.delta, choice?.finish_reason])).toEqual([
      [{ role: "assistant", content: "" }, null],
      [{ content: "H" }, null],
      [{ content: "i" }, null],
      [{ content: "!" }, null],
      [{}, "stop"],
      [undefined, undefined],
    ]);
    expect(json.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(json.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 19, completion_tokens: 4 } });
    expect(new Set(json.map(({ id }) => id)).size).toBe(1);
  });

  it("of completions carry text and, when asked, token ids", async () => {
    const { complete } = setUp();
    const { json } = events((await complete({ stream: true, return_token_ids: true })).payload);
    expect(json.map(({ choices: [choice] }) => choice.text).join("")).toBe("Hi!");
    expect(json.flatMap(({ choices: [choice] }) => choice.token_ids)).toEqual([72, 105, 33]);
    expect(json[0].prompt_token_ids).toEqual([104, 105]);
    expect(json[1].prompt_token_ids).toBeUndefined();
    expect("usage" in json[0]).toBe(false);
  });

  it("that fail before the first token are ordinary errors", async () => {
    const { chat } = setUp(() => {
      throw new StagecoachError("RESOURCE_EXHAUSTED", "512 requests wait already");
    });
    const reply = await chat({ stream: true });
    expect(reply.statusCode).toBe(429);
    expect(reply.headers["retry-after"]).toBe("1");
    const measured = { details: { retryAfterSeconds: 17 } };
    const later = setUp(() => {
      throw new StagecoachError("RESOURCE_EXHAUSTED", "the queue is full", measured);
    });
    expect((await later.complete({})).headers["retry-after"]).toBe("17");
    expect(reply.json().error).toEqual({
      message: "512 requests wait already",
      type: "rate_limit_error",
      param: null,
      code: "resource_exhausted",
    });
  });

  it("that fail later end with an error event and without [DONE]", async () => {
    const { chat, active } = setUp(function* () {
      yield* spell("Hi").slice(0, 2);
      throw new StagecoachError("UNAVAILABLE", 'worker "w1" left');
    });
    const reply = await chat({ stream: true });
    expect(reply.statusCode).toBe(200);
    const { json, done, blocks } = events(reply.payload);
    expect(done).toBe(false);
    expect(blocks.at(-1)).toMatch(/^event: error\n/);
    expect(json.at(-1)).toEqual({
      error: { message: 'worker "w1" left', type: "server_error", param: null, code: "unavailable" },
    });
    expect(active.count).toBe(0);
  });
});

describe("who goes first", () => {
  it("is told by priority, and by key or user, of which neither is kept", async () => {
    const { app, port, complete, chat } = setUp();
    await complete({ priority: -3, user: "me", n: 2 });
    await chat({ user: "me" });
    await app.inject({
      method: "POST",
      url: "/v1/completions",
      payload: { prompt: "hi", user: "me" },
      headers: { authorization: "Bearer sk-1" },
    });
    const [first, fork, chatted, keyed] = port.requests;
    expect(first).toMatchObject({ priority: -3, user: expect.stringMatching(/^user:/) });
    expect(fork).toMatchObject({ priority: -3, user: first?.user, forkOf: first?.requestId });
    expect(chatted).toMatchObject({ priority: 0, user: first?.user });
    expect(chatted).not.toHaveProperty("forkOf");
    expect(keyed?.user).toMatch(/^key:/);
    expect(JSON.stringify(port.requests.map(({ user }) => user))).not.toMatch(/sk-1|"me"/);
  });

  it("is not looked at when it is wrong", async () => {
    const { complete } = setUp();
    for (const body of [{ priority: 0.5 }, { priority: "high" }, { priority: 2 ** 40 }, { user: 3 }]) {
      const reply = await complete(body);
      expect(reply.statusCode).toBe(400);
      expect(reply.json().error.param).toBe(Object.keys(body)[0]);
    }
  });
});

describe("refusals", () => {
  const { complete, chat, port } = setUp();

  it.each<[object, string, string]>([
    [{ temperature: "hot" }, "temperature", '"hot"'],
    [{ temperature: 101 }, "temperature", "from 0 to 100"],
    [{ max_tokens: 1.5 }, "max_tokens", "1.5"],
    [{ max_tokens: 1, max_completion_tokens: 2 }, "max_completion_tokens", "give one"],
    [{ stream: 1 }, "stream", "true or false"],
    [{ stream_options: {} }, "stream_options", "stream to true"],
    [{ stop: [1] }, "stop", "texts"],
    [{ logit_bias: { x: 1 } }, "logit_bias", '"x"'],
    [{ logit_bias: { 1: "y" } }, "logit_bias.1", '"y"'],
    [{ logit_bias: { 99999: 1 } }, "logit_bias", "99999"],
    [{ max_tokens: 1_000_000_000 }, "max_tokens", "1000000000"],
    [{ max_tokens: 1e300 }, "max_tokens", "1e+300"],
    [{ n: 0 }, "n", "n is 0"],
    [{ n: 1_000_000 }, "n", "1000000"],
    [{ prompt: new Array(100).fill("x"), n: 2 }, "n", "200 texts"],
    [{ stop: Array.from({ length: 500 }, (_, index) => `s${index}`) }, "stop", "500"],
    [{ stop: ["x".repeat(5_000)] }, "stop", "1 to 1024"],
    [{ stop_token_ids: [-1] }, "stop_token_ids", "-1"],
    [{ prompt: "" }, "prompt", "prompt"],
    [{ prompt: [] }, "prompt", "empty"],
    [{ prompt: ["a", 1] }, "prompt", '["a",1]'],
    [{ prompt: null }, "prompt", "empty"],
    [{ prompt: "x".repeat(70) }, "prompt", "70 tokens"],
    [{ suffix: "end" }, "suffix", "suffix"],
    [{ echo: true }, "echo", "echo"],
    [{ best_of: 3 }, "best_of", "3"],
    [{ logprobs: 21 }, "logprobs", "0 to 20"],
  ])("of completions name the field: %j", async (body, param, named) => {
    const reply = await complete(body);
    expect(reply.statusCode).toBe(400);
    expect(reply.json().error).toMatchObject({ type: "invalid_request_error", param });
    expect(reply.json().error.message).toContain(named);
    expect(port.requests).toEqual([]);
  });

  it.each<[object, string]>([
    [{ messages: [] }, "messages"],
    [{ messages: "hi" }, "messages"],
    [{ messages: [{ role: "tool", content: "x" }] }, "messages[0].role"],
    [{ messages: [{ role: "user" }] }, "messages[0].content"],
    [{ messages: [{ role: "user", content: [{ type: "image_url" }] }] }, "messages[0].content[0].type"],
    [{ messages: ["hi"] }, "messages[0]"],
    [{ tools: [{ type: "function" }] }, "tools"],
    [{ response_format: { type: "json_object" } }, "response_format"],
    [{ top_logprobs: 2 }, "top_logprobs"],
    [{ logprobs: true, top_logprobs: 30 }, "top_logprobs"],
  ])("of chats name the field: %j", async (body, param) => {
    const reply = await chat(body);
    expect(reply.statusCode).toBe(400);
    expect(reply.json().error).toMatchObject({ param });
  });

  it("let through what changes nothing, and name what was not looked at", async () => {
    const { chat } = setUp();
    const harmless = {
      tools: [],
      tool_choice: "none",
      response_format: { type: "text" },
      metadata: {},
      temperature: null,
    };
    const reply = await chat({ ...harmless, temprature: 0.5 });
    expect(reply.statusCode).toBe(200);
    expect(reply.headers["x-ignored-fields"]).toBe("temprature");
  });

  it("tell an unknown model by 404", async () => {
    const reply = await complete({ model: "gpt-4" });
    expect(reply.statusCode).toBe(404);
    expect(reply.json().error).toMatchObject({ code: "model_not_found", param: "model" });
  });
});

describe("bodies", () => {
  const { app } = setUp();
  const send = (payload: string | Buffer, type = "application/json") =>
    app.inject({ method: "POST", url: "/v1/completions", payload, headers: { "content-type": type } });

  it.each<[string, string | Buffer, string, number]>([
    ["no JSON", "{", "application/json", 400],
    ["nothing", "", "application/json", 400],
    ["a list", "[]", "application/json", 400],
    ["bytes that are not UTF-8", Buffer.from([0x7b, 0xff, 0x7d]), "application/json", 400],
    ["another type", "prompt=hi", "application/x-www-form-urlencoded", 415],
    ["too much", Buffer.alloc(maxBodyBytes + 1, 32), "application/json", 413],
  ])("of %s are refused in OpenAI's form", async (_name, payload, type, status) => {
    const reply = await send(payload, type);
    expect(reply.statusCode).toBe(status);
    expect(reply.json().error).toMatchObject({ type: "invalid_request_error" });
  });

  it("may say their charset", async () => {
    const reply = await send('{"prompt":"é"}', "application/json; charset=utf-8");
    expect(reply.statusCode).toBe(200);
  });
});

describe("other paths", () => {
  const { app, state, post } = setUp();
  const get = (url: string, headers = {}) => app.inject({ method: "GET", url, headers });

  it("list the model", async () => {
    const list = await get("/v1/models");
    expect(list.json()).toMatchObject({
      object: "list",
      data: [{ id: "tiny", object: "model", max_model_len: 64 }],
    });
    expect((await get("/v1/models/tiny")).json()).toMatchObject({ id: "tiny" });
    expect((await get("/v1/models/other")).statusCode).toBe(404);
  });

  it("tell alive from ready", async () => {
    expect((await get("/readyz")).statusCode).toBe(200);
    Object.assign(state, { serving: false, detail: "1 of 2 workers joined" });
    const reply = await get("/readyz");
    expect(reply.statusCode).toBe(503);
    expect(reply.json()).toMatchObject({ reason: "1 of 2 workers joined" });
    expect((await get("/health")).statusCode).toBe(503);
    expect((await get("/healthz")).statusCode).toBe(200);
  });

  it("show metrics", async () => {
    const reply = await get("/metrics");
    expect(reply.headers["content-type"]).toContain("text/plain");
    expect(reply.payload).toContain("stagecoach_num_requests_running");
  });

  it("tokenize in vLLM's and llama-server's words", async () => {
    const vllm = await post("/tokenize", { prompt: "hé", return_token_strs: true });
    expect(vllm.json()).toMatchObject({ tokens: [104, 0xc3, 0xa9], count: 3, max_model_len: 64 });
    expect((await post("/tokenize", { content: "a" })).json().tokens).toEqual([97]);
    const messages = [{ role: "user", content: "a" }];
    expect((await post("/tokenize", { messages })).json().count).toBe("user: a\nassistant:".length);
    expect((await post("/detokenize", { tokens: [104, 0xc3, 0xa9] })).json()).toEqual({
      prompt: "hé",
      content: "hé",
    });
    expect((await post("/detokenize", { tokens: [999] })).statusCode).toBe(400);
    expect((await post("/tokenize", {})).statusCode).toBe(400);
  });

  it("are 404 where there are none and 405 for another method", async () => {
    const missing = await get("/v1/nothing?x=1");
    expect(missing.statusCode).toBe(404);
    expect(missing.json().error).toMatchObject({ code: "unknown_url" });
    const wrong = await get("/v1/completions");
    expect(wrong.statusCode).toBe(405);
    expect(wrong.headers["allow"]).toBe("POST");
    expect((await post("/v1/models/tiny", {})).statusCode).toBe(405);
  });

  it("echo a request id, and make one where it is missing or odd", async () => {
    expect((await get("/healthz", { "x-request-id": "abc-1" })).headers["x-request-id"]).toBe("abc-1");
    const odd = await get("/healthz", { "x-request-id": "a b" });
    expect(odd.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  });
});

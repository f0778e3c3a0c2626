import type { ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GenerateRequest } from "../../proto/gen/stagecoach/v1/GenerateRequest.js";
import { postJson } from "../fixtures/http-client.js";
import { generate, startUp, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";

const scope = new Scope();
let cluster: TestCoordinator;

beforeAll(async () => {
  cluster = await startUp(scope, ["--stages", "1", "--device", "simulated"]);
});

/** Whatever was asked, the cluster still answers and holds nothing. */
afterAll(async () => {
  try {
    expect((await generate(cluster.client, { prompt: "Once", options: { maxTokens: 2 } })).ids.length).toBe(
      2,
    );
    await statusWhere(cluster, ({ requestsRunning, blocksUsed }) => requestsRunning + blocksUsed === 0);
  } finally {
    await scope.end();
  }
});

const tooLong = "word ".repeat(2_000);
const ids = (length: number) => Array.from({ length }, () => 5);

describe("HTTP refuses", () => {
  test.each([
    [{ prompt: "x", temperature: -1 }, 400, "temperature is -1: give a number from 0 to 100"],
    [{ prompt: "x", top_p: 1.5 }, 400, "top_p is 1.5: give a number above 0, up to 1"],
    [{ prompt: "x", top_k: 2.5 }, 400, "top_k is 2.5: give a whole number"],
    [{ prompt: "x", max_tokens: 0 }, 400, "max_tokens is 0: give a whole number from 1"],
    [{ prompt: "x", max_tokens: 127 }, 400, "max_tokens is 127: the prompt's 3 tokens leave room for 125"],
    [{ prompt: "x", seed: -5 }, 400, "seed is -5"],
    [{ prompt: "x", logit_bias: { 512: 1 } }, 400, "the vocabulary has ids from 0 to 511"],
    [{ prompt: "x", stop: [""] }, 400, 'stop has the text ""'],
    [{ prompt: "x", tools: [{}] }, 400, "tool calls are not supported"],
    [{ prompt: "" }, 400, 'prompt is "": give a text of at least one character'],
    [{ prompt: [] }, 400, "prompt is empty: give a text or token ids"],
    [{}, 400, "prompt is empty: give a text or token ids"],
    [{ prompt: [1, 512] }, 400, "prompt has the token id 512: the vocabulary has ids from 0 to 511"],
    [
      { prompt: ids(128) },
      400,
      "prompt has 128 tokens; with at least one token of output it must fit a context of 128",
    ],
    [{ prompt: tooLong }, 400, "it must fit a context of 128: shorten it"],
    [
      { prompt: "half \ud800 a pair" },
      400,
      "prompt is not valid Unicode: half of a surrogate pair (\\ud800)",
    ],
    [{ prompt: "x", model: "gpt-99" }, 404, "gpt-99"],
  ] as const)("%j", async (body, status, message) => {
    const response = await postJson(`${cluster.http}/v1/completions`, body);
    const { error } = (await response.json()) as { error: { message: string } };
    expect({ status: response.status, message: error.message }).toEqual({
      status,
      message: expect.stringContaining(message),
    });
  });

  test.each([
    ["not JSON", '{"prompt": "x"', "the request body is not JSON"],
    ["no object", "[1]", "object"],
    ["nothing", "", "the request body is empty: send a JSON object"],
    [
      "no UTF-8",
      Buffer.from('{"prompt": "caf\xe9"}', "latin1"),
      "the request body is not UTF-8: encode it as UTF-8",
    ],
    ["of an infinite number", '{"prompt": "x", "temperature": 1e999}', "temperature is Infinity"],
    ["NaN", '{"prompt": "x", "temperature": NaN}', "the request body is not JSON"],
  ])("a body that is %s", async (_, body, message) => {
    const response = await postJson(`${cluster.http}/v1/completions`, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining(message) } });
  });

  test("other methods, paths and content types", async () => {
    const url = `${cluster.http}/v1/completions`;
    expect((await fetch(url)).status).toBe(405);
    expect((await fetch(`${cluster.http}/v1/nonsense`)).status).toBe(404);
    expect((await fetch(url, { method: "POST", body: "prompt=x" })).status).toBe(415);
  });
});

describe("gRPC refuses", () => {
  const options = (given: GenerateRequest["options"]): GenerateRequest => ({
    prompt: "x",
    options: given ?? {},
  });

  test.each<[string, GenerateRequest, number, string]>([
    [
      "temperature NaN",
      options({ temperature: Number.NaN }),
      3,
      "temperature is NaN: give a number from 0 to 100",
    ],
    [
      "infinite penalty",
      options({ presencePenalty: Number.POSITIVE_INFINITY }),
      3,
      "presence_penalty is Infinity",
    ],
    ["min_p 2", options({ minP: 2 }), 3, "min_p is 2: give a number from 0 to 1"],
    ["logprobs 21", options({ logprobs: 21 }), 3, "logprobs is 21: give a whole number from 0 to 20"],
    ["bias NaN", options({ logitBias: { 5: Number.NaN } }), 3, "logit_bias of token 5 is NaN"],
    ["stop token 512", options({ stopTokenIds: [512] }), 3, "stop_token_ids has the token id 512"],
    ["max_tokens 0", options({ maxTokens: 0 }), 3, "max_tokens is 0"],
    ["no prompt", {}, 3, "prompt is missing: set prompt or prompt_ids"],
    ["an empty prompt", { prompt: "" }, 3, 'prompt is "": give a text'],
    ["no ids", { promptIds: { ids: [] } }, 3, "prompt is an empty list"],
    ["id 512", { promptIds: { ids: [512] } }, 3, "prompt has the token id 512"],
    ["a long prompt", { prompt: tooLong }, 3, "it must fit a context of 128: shorten it"],
    ["too many ids", { promptIds: { ids: ids(128) } }, 3, "prompt has 128 tokens"],
    ["another model", { model: "gpt-99", prompt: "x" }, 5, "gpt-99"],
  ])("%s", async (_, request, code, message) => {
    const call = cluster.client.inference.generate(request);
    const end = new Promise<ServiceError | undefined>((resolve) => {
      call.on("error", resolve).on("end", () => resolve(undefined));
    });
    call.resume();
    expect(await end).toMatchObject({ code, details: expect.stringContaining(message) });
  });
});

test("a request that is refused leaves one that runs alone", async () => {
  const running = generate(cluster.client, { prompt: "Once", options: { maxTokens: 60, ignoreEos: true } });
  const refused = await Promise.all(
    [-1, 101, 1e300].map((temperature) =>
      postJson(`${cluster.http}/v1/completions`, { prompt: "x", temperature }),
    ),
  );
  expect(refused.map(({ status }) => status)).toEqual([400, 400, 400]);
  expect((await running).ids).toHaveLength(60);
});

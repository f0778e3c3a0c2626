import { afterEach, expect, test } from "vitest";
import { generate, startUp, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";

let scope = new Scope();

afterEach(async () => {
  await scope.end();
  scope = new Scope();
});

const words = "once there was a small red ball in the park and the little girl saw it ".repeat(3);

interface Reply {
  readonly usage: { readonly prompt_tokens_details: { readonly cached_tokens: number } };
  readonly choices: readonly { readonly text: string }[];
}

async function complete({ http }: TestCoordinator, body: object): Promise<Response> {
  return await fetch(`${http}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ max_tokens: 4, temperature: 0, seed: 1, ...body }),
  });
}

async function answer(cluster: TestCoordinator, body: object): Promise<Reply> {
  const reply = await complete(cluster, body);
  expect(reply.status).toBe(200);
  return (await reply.json()) as Reply;
}

/** The usage that ends a stream. */
async function streamedCached(cluster: TestCoordinator, body: object): Promise<number> {
  const reply = await complete(cluster, { ...body, stream: true, stream_options: { include_usage: true } });
  const last = (await reply.text()).split("\n\n").findLast((line) => line.includes('"usage":{')) ?? "";
  return (JSON.parse(last.slice("data: ".length)) as Reply).usage.prompt_tokens_details.cached_tokens;
}

test("a prompt that was read before is told in every usage, and gives the same text", async () => {
  const cluster = await startUp(scope, ["--stages", "2", "--device", "simulated"]);
  const first = await answer(cluster, { prompt: words });
  expect(first.usage.prompt_tokens_details.cached_tokens).toBe(0);
  const second = await answer(cluster, { prompt: words });
  const cached = second.usage.prompt_tokens_details.cached_tokens;
  expect(cached).toBeGreaterThanOrEqual(32);
  expect(second.choices).toEqual(first.choices);
  expect(await streamedCached(cluster, { prompt: words })).toBe(cached);
  const { usage } = await generate(cluster.client, { prompt: words, options: { maxTokens: 1 } });
  expect(usage?.cachedTokens).toBe(cached);
  // A longer prompt that begins alike, and continuations that share it.
  const many = await answer(cluster, { prompt: `${words}and then`, n: 4 });
  expect(many.choices).toHaveLength(4);
  expect(many.usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(32);
});

test("nothing is kept with --no-prefix-cache", async () => {
  const flags = ["--stages", "1", "--device", "simulated", "--no-prefix-cache", "--batching", "static"];
  const cluster = await startUp(scope, flags);
  for (let turn = 0; turn < 2; turn++) {
    const { usage } = await answer(cluster, { prompt: words, n: 2 });
    expect(usage.prompt_tokens_details.cached_tokens).toBe(0);
  }
});

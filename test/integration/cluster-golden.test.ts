import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goldenPrompts, goldenRun } from "../fixtures/golden-runs.js";
import { generate, startUp, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";

const prompts = goldenPrompts("stories260k.json");
const maxTokens = 64;

describe.each([1, 2, 3])("%i stages of the tiny model", (stages) => {
  const scope = new Scope();
  let cluster: TestCoordinator;

  beforeAll(async () => {
    cluster = await startUp(scope, ["--stages", String(stages)]);
  });
  afterAll(() => scope.end());

  test.each(prompts)("continue $id as llama.cpp does, id for id", async (golden) => {
    const { promptIds } = golden;
    const { ids, finishReason, usage } = await generate(cluster.client, greedy(promptIds));
    expect(ids).toEqual(goldenRun(golden, "f32").ids);
    expect(finishReason).toBe("length");
    expect(usage).toEqual({
      promptTokens: promptIds.length,
      completionTokens: maxTokens,
      cachedTokens: 0,
    });
  });

  test("continue texts over HTTP as llama.cpp does", async () => {
    // An empty prompt is refused over HTTP; a text gets the model's start token.
    for (const golden of prompts) {
      if (!golden.prompt) continue;
      expect(await completion(cluster, golden.prompt)).toBe(goldenRun(golden, "f32").text);
    }
  });

  test("say to each of 8 at once what they say to it alone", async () => {
    const requests = prompts.slice(0, 4).flatMap(({ promptIds }) => [greedy(promptIds), random(promptIds)]);
    const alone = [];
    for (const each of requests) alone.push(await generate(cluster.client, each));
    const together = await Promise.all(requests.map((each) => generate(cluster.client, each)));
    expect(together).toEqual(alone);
    expect(new Set(alone.map(({ text }) => text)).size).toBe(requests.length);
  });

  test("are sent steps ahead, since a round of theirs is short", async () => {
    const metrics = await (await fetch(`${cluster.http}/metrics`)).text();
    const count = /^stagecoach_iterations_sent_ahead_total\{[^}]*\} (\d+)$/m.exec(metrics)?.[1];
    expect(Number(count)).toBeGreaterThan(0);
  });
});

function greedy(promptIds: readonly number[]) {
  return { promptIds: { ids: [...promptIds] }, options: { temperature: 0, maxTokens, ignoreEos: true } };
}

function random(promptIds: readonly number[]) {
  const options = { temperature: 1, topP: 0.95, seed: promptIds.length, maxTokens: 24, ignoreEos: true };
  return { promptIds: { ids: [...promptIds] }, options };
}

async function completion({ http }: TestCoordinator, prompt: string): Promise<string> {
  const response = await fetch(`${http}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt, temperature: 0, max_tokens: maxTokens, ignore_eos: true }),
  });
  expect(response.status).toBe(200);
  const body = (await response.json()) as { choices: [{ text: string }] };
  return body.choices[0].text;
}

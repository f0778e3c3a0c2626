import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GoldenPrompt, goldenPrompts, goldenRun } from "../fixtures/golden-runs.js";
import { all, postJson, serverEvents } from "../fixtures/http-client.js";
import { startUp, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";
import { newHome, runCli } from "../fixtures/spawn-cli.js";
import { defaultModelPath } from "./default-model.js";

const scope = new Scope();
afterAll(() => scope.end());

describe("two stages of SmolLM2 in f32", () => {
  const prompts = goldenPrompts("smollm2-q4_1.json");
  let cluster: TestCoordinator;

  beforeAll(async () => {
    const model = [defaultModelPath, "--variant", "f32", "--stages", "2"];
    cluster = await startUp(scope, ["--max-context", "1024"], { model });
  });

  test("share the layers", async () => {
    const { workers } = await statusWhere(cluster, ({ workers }) =>
      workers.every(({ stage }) => stage !== null),
    );
    const ranges = workers.map(({ stage }) => [stage?.firstLayer ?? 0, stage?.endLayer ?? 0]);
    const [first, second] = ranges.sort(([a = 0], [b = 0]) => a - b);
    expect([first?.[0], second?.[1]]).toEqual([0, 30]);
    expect(first?.[1]).toBe(second?.[0]);
    expect(first?.[1]).toBeGreaterThan(0);
    expect(first?.[1]).toBeLessThan(30);
  });

  test.each(["long", "code", "unicode"])("continue the prompt %s as llama.cpp does", async (id) => {
    const golden = find(prompts, id);
    const response = await postJson(`${cluster.http}/v1/completions`, {
      prompt: golden.prompt,
      temperature: 0,
      max_tokens: 48,
      return_token_ids: true,
    });
    expect(await response.json()).toMatchObject({
      choices: [{ text: goldenRun(golden, "f32").text, finish_reason: "length" }],
      usage: { prompt_tokens: golden.promptIds.length, completion_tokens: 48 },
    });
  });

  test.each([
    ["chat-turns", "stop"],
    ["chat-system", "length"],
    ["special-in-content-literal", "stop"],
  ])("answer the chat %s as llama.cpp does", async (id, finish) => {
    const golden = find(prompts, id);
    const response = await postJson(`${cluster.http}/v1/chat/completions`, {
      messages: golden.messages,
      temperature: 0,
      max_tokens: 48,
      stream: true,
    });
    const events = await all(serverEvents(response));
    expect(events.pop()).toBe("[DONE]");
    const choices = events.map((event) => (JSON.parse(event) as Chunk).choices[0]);
    expect(choices.map((choice) => choice?.delta.content ?? "").join("")).toBe(goldenRun(golden, "f32").text);
    expect(choices.at(-1)?.finish_reason).toBe(finish);
  });

  test("answer all at once what they answer to each alone", async () => {
    const ids = ["long", "code", "unicode", "spaces", "one-token"];
    const texts = ids.map(async (id) => {
      const body = { prompt: find(prompts, id).prompt, temperature: 0, max_tokens: 48 };
      const response = await postJson(`${cluster.http}/v1/completions`, body);
      return ((await response.json()) as { choices: [{ text: string }] }).choices[0].text;
    });
    expect(await Promise.all(texts)).toEqual(ids.map((id) => goldenRun(find(prompts, id), "f32").text));
  });
});

test("run answers with a cluster that lasts as long as the chat", async () => {
  const home = await newHome(scope);
  const question = "Why is the sky blue?";
  const flags = ["--variant", "as-is", "--stages", "2", "--temperature", "0", "--max-tokens", "24"];
  const { code, stdout } = await runCli(["run", defaultModelPath, question, ...flags], { scope, home });
  expect(code).toBe(0);
  expect(stdout).toMatch(/sky|light/);
  expect(await runCli(["down"], { scope, home })).toMatchObject({ stderr: `nothing runs in ${home.root}\n` });
});

interface Chunk {
  readonly choices: readonly { delta: { content?: string }; finish_reason: string | null }[];
}

function find(prompts: readonly GoldenPrompt[], id: string): GoldenPrompt {
  const found = prompts.find((prompt) => prompt.id === id);
  if (found === undefined) throw new Error(`no golden prompt ${id}`);
  return found;
}

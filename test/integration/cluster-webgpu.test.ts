import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { replies, unary } from "../../cli/client.js";
import type { Plan } from "../../coordinator/planner/types.js";
import type { GenerateReply__Output } from "../../proto/gen/stagecoach/v1/GenerateReply.js";
import type { PlanReply__Output } from "../../proto/gen/stagecoach/v1/PlanReply.js";
import type { TokenLogprobs__Output } from "../../proto/gen/stagecoach/v1/TokenLogprobs.js";
import { postJson } from "../fixtures/http-client.js";
import {
  startCoordinator,
  startWorker,
  statusWhere,
  type TestCoordinator,
} from "../fixtures/local-cluster.js";
import { writeRandomGguf } from "../fixtures/random-gguf.js";
import { randomModel } from "../fixtures/random-model.js";
import { Scope } from "../fixtures/scope.js";
import { newHome } from "../fixtures/spawn-cli.js";
import { webgpuMissing } from "../fixtures/webgpu.js";

/** A busy machine is measured twice, and each graph is compiled anew. */
const startPatienceMs = 120_000;
/** Between these two tokens' log-probabilities half precision may decide otherwise, and nothing else may. */
const tie = 0.03;
/** The same where one of them rounds its activations to 8 bits. */
const roundedTie = 0.15;
const maxTokens = 24;
/** Of 32 tokens where a stage is on WebGPU. */
const blockSize = 32;
/** Longer than two blocks, the same for many. */
const beginning = Array.from({ length: 70 }, (_, index) => (index * 37) % 250);
const prompts = [
  [5],
  [72, 101, 108, 108, 111],
  beginning,
  [...beginning, 7, 8, 9],
  [...beginning.slice(0, 50), 3],
];

describe.skipIf(await webgpuMissing())("a cluster of a WebGPU and a CPU stage", () => {
  const scope = new Scope();
  let mixed: TestCoordinator;
  /** What CPU stages alone answer, by prompt. */
  let expected: readonly Answer[];
  let file: string;

  beforeAll(async () => {
    const { root } = await newHome(scope);
    file = join(root, "tiny.gguf");
    const sizes = { hiddenSize: 128, headSize: 64, headCount: 4, kvHeadCount: 2, contextLength: 256 };
    await writeRandomGguf(randomModel({ config: sizes }), file);
    const [cpu, both] = await Promise.all([clusterOf(1, ["cpu"]), clusterOf(2, ["webgpu", "cpu"])]);
    expected = await Promise.all(prompts.map((promptIds) => greedy(cpu, promptIds)));
    mixed = both;
  }, startPatienceMs);
  afterAll(() => scope.end());

  /** A cluster with a process for each of `devices`. */
  async function clusterOf(
    stages: number,
    devices: readonly string[],
    variant = "f16",
    workerFlags: readonly string[] = [],
  ): Promise<TestCoordinator> {
    const flags = ["--stages", String(stages), "--expected-workers", String(stages)];
    const cluster = await startCoordinator(scope, flags, { model: [file, "--variant", variant] });
    for (const device of devices) {
      const workerId = device.replace(",", "-");
      await startWorker(scope, cluster, workerId, { flags: ["--device", device, ...workerFlags] });
    }
    await statusWhere(cluster, ({ state }) => state === "SERVING");
    return cluster;
  }

  test("takes blocks as the GPU wants them", async () => {
    const { workers, replicas } = await statusWhere(mixed, () => true);
    expect(workers.map(({ device }) => device).toSorted()).toEqual(["cpu", "webgpu"]);
    expect(workers.map(({ stage }) => stage?.state)).toEqual(["READY", "READY"]);
    expect(replicas.map((replica) => replica.blockSize)).toEqual([blockSize]);
  });

  test("says what CPU stages say, to one alone and to all at once", async () => {
    const alone: Answer[] = [];
    for (const promptIds of prompts) alone.push(await greedy(mixed, promptIds));
    const together = await Promise.all(prompts.map((promptIds) => greedy(mixed, promptIds)));
    const agreed = [...alone, ...together].map((answer, index) =>
      agreedLength(expected[index % prompts.length] as Answer, answer),
    );
    // Ties end a comparison, but few of them are ties.
    expect(agreed.reduce((sum, length) => sum + length, 0)).toBeGreaterThan((agreed.length * maxTokens) / 2);
  });

  test(
    "says it from one process, too",
    async () => {
      const together = await clusterOf(2, ["webgpu,cpu"]);
      const { workers } = await statusWhere(together, () => true);
      expect(workers.map(({ device }) => device).toSorted()).toEqual(["cpu", "webgpu"]);
      expect(new Set(workers.map(({ processId }) => processId)).size).toBe(1);
      const answers = await Promise.all(prompts.map((promptIds) => greedy(together, promptIds)));
      const agreed = answers.map((answer, index) => agreedLength(expected[index] as Answer, answer));
      expect(agreed.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(
        (agreed.length * maxTokens) / 2,
      );
    },
    startPatienceMs,
  );

  test("shares the beginning of a prompt, in whole blocks and among continuations", async () => {
    const prompt = [...beginning.toReversed(), 1];
    expect((await greedy(mixed, prompt)).cachedTokens).toBe(0);
    expect((await greedy(mixed, [...prompt, 2])).cachedTokens).toBe(2 * blockSize);
    const body = { prompt: [...prompt, 3, 4], n: 4, temperature: 0, max_tokens: 8, ignore_eos: true };
    const reply = await postJson(`${mixed.http}/v1/completions`, body);
    const { choices } = (await reply.json()) as { choices: readonly { text: string }[] };
    expect(new Set(choices.map(({ text }) => text)).size).toBe(1);
    expect(choices).toHaveLength(4);
  });

  test.each([
    ["int8", "auto", "f16"],
    ["int4", "packed", "packed"],
  ])("serves %s with CPU stages, --gpu-weights %s", async (variant, wanted, held) => {
    const [cpu, both] = await Promise.all([
      clusterOf(1, ["cpu"], variant),
      clusterOf(2, ["webgpu", "cpu"], variant, ["--gpu-weights", wanted]),
    ]);
    const { workers } = await statusWhere(both, () => true);
    expect(new Map(workers.map(({ device, stage }) => [device, stage?.weights]))).toEqual(
      new Map([
        ["cpu", ""],
        ["webgpu", held],
      ]),
    );
    const reply = await unary<PlanReply__Output>(both.client, (options, done) =>
      both.client.cluster.plan({ stages: 0 }, options, done),
    );
    const { stages } = JSON.parse(reply.planJson.toString("utf8")) as Plan;
    const planned = stages.find(({ workerId }) => workerId === "webgpu");
    expect(planned?.weights).toBe(held);
    const gpu = workers.find(({ device }) => device === "webgpu");
    expect(gpu?.stage?.weightBytes).toBeCloseTo(planned?.weightBytes ?? 0, -5);
    const agreed = await Promise.all(
      prompts.map(async (promptIds) =>
        agreedLength(await greedy(cpu, promptIds), await greedy(both, promptIds), roundedTie),
      ),
    );
    expect(agreed.reduce((sum, length) => sum + length, 0)).toBeGreaterThan((agreed.length * maxTokens) / 2);
  });

  test("refuses packed weights that no GPU multiplies, and says what can be served", async () => {
    const cluster = await startCoordinator(scope, [], { model: [file, "--variant", "int8"] });
    const flags = ["--device", "webgpu", "--gpu-weights", "packed"];
    await startWorker(scope, cluster, "gpu", { flags });
    const { stateDetail } = await statusWhere(cluster, ({ state }) => state === "FAILED");
    expect(stateDetail).toMatch(/"gpu".*--gpu-weights packed: .* int8 .*take auto or f16/);
  });
});

interface Answer {
  readonly ids: readonly number[];
  readonly logprobs: readonly TokenLogprobs__Output[];
  readonly cachedTokens: number;
}

async function greedy({ client }: TestCoordinator, promptIds: readonly number[]): Promise<Answer> {
  const options = { temperature: 0, maxTokens, ignoreEos: true, logprobs: 3 };
  const call = client.inference.generate({ promptIds: { ids: [...promptIds] }, options });
  const seen: GenerateReply__Output[] = [];
  for await (const reply of replies(client, call)) seen.push(reply);
  return {
    ids: seen.flatMap(({ tokenIds }) => tokenIds),
    logprobs: seen.flatMap(({ logprobs }) => logprobs),
    cachedTokens: seen.at(-1)?.usage?.cachedTokens ?? 0,
  };
}

/** Tokens up to the first that differs, which has to be as good as the one that was expected. */
function agreedLength(expected: Answer, answer: Answer, mostApart = tie): number {
  expect(answer.ids).toHaveLength(expected.ids.length);
  const different = expected.ids.findIndex((id, at) => answer.ids[at] !== id);
  if (different < 0) return expected.ids.length;
  const { chosen, top = [] } = expected.logprobs[different] ?? {};
  const other = top.find(({ tokenId }) => tokenId === answer.ids[different]);
  expect((chosen?.logprob ?? 0) - (other?.logprob ?? Number.NEGATIVE_INFINITY)).toBeLessThan(mostApart);
  return different;
}

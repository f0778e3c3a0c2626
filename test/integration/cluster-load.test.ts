import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, replies } from "../../cli/client.js";
import type { GenerateReply__Output } from "../../proto/gen/stagecoach/v1/GenerateReply.js";
import { type LoadRequest, loadRequests } from "../fixtures/load-requests.js";
import { startUp, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";

const load = loadRequests({
  count: 200,
  seed: 4,
  vocabularySize: 512,
  longestPrompt: 80,
  longestAnswer: 44,
});

/** Sums of f32 in another order differ by far less than this, in nats. */
const tie = 1e-3;

const whole = new Scope();
let reference: TestCoordinator;
const alone: Answer[] = [];

beforeAll(async () => {
  reference = await startUp(whole, ["--stages", "1", "--prefix-cache", "off"]);
  for (const { request } of load) alone.push(await answerOf(reference.client, request));
}, 180_000);
afterAll(() => whole.end());

describe.each([1, 2, 3, 5])("%i stages under load", (stages) => {
  const scope = new Scope();
  let cluster: TestCoordinator;

  beforeAll(async () => {
    // KV for about ten sequences of the 24 that may run: most are thrown out and recomputed now and then.
    const scarce = ["--max-num-seqs", "24", "--kv-cache-memory", String(kvBytes(stages, 700))];
    cluster = await startUp(scope, ["--stages", String(stages), ...scarce]);
  });
  afterAll(() => scope.end());

  test(`${stages} stages say to each of 200 requests what one says to it alone`, async () => {
    const answers = await sendAll(cluster.client, load);
    for (const [index, answer] of answers.entries()) await expectSame(index, answer);
    const idle = await statusWhere(
      cluster,
      ({ requestsRunning, requestsWaiting, blocksUsed }) =>
        requestsRunning + requestsWaiting + blocksUsed === 0,
    );
    expect(idle.state).toBe("SERVING");
    const metrics = await (await fetch(`${cluster.http}/metrics`)).text();
    expect(counterOf(metrics, "stagecoach_num_preemptions_total")).toBeGreaterThan(0);
    expect(counterOf(metrics, "stagecoach_prefix_cache_hits_total")).toBeGreaterThan(0);
  }, 120_000);
});

interface Answer {
  readonly ids: readonly number[];
  readonly logprobs: readonly number[];
  /** True when the client left before the end. */
  readonly left: boolean;
}

async function sendAll(client: Client, requests: readonly LoadRequest[]): Promise<Answer[]> {
  let begun = 0;
  const waiting: { after: number; go: () => void }[] = [];
  const begin = (): void => {
    begun++;
    for (const { go } of waiting.filter(({ after }) => after <= begun)) go();
  };
  const turn = (after: number): Promise<void> =>
    after <= begun ? Promise.resolve() : new Promise((go) => waiting.push({ after, go }));
  return await Promise.all(
    requests.map(async ({ request, sentAfter, leavesAfter }) => {
      await turn(sentAfter);
      return await answerOf(client, request, { leavesAfter, onBegin: begin });
    }),
  );
}

async function answerOf(
  client: Client,
  request: LoadRequest["request"],
  { leavesAfter, onBegin }: { leavesAfter?: number | undefined; onBegin?: () => void } = {},
): Promise<Answer> {
  const call = client.inference.generate(request);
  const seen: GenerateReply__Output[] = [];
  for await (const reply of replies(client, call)) {
    if (seen.length === 0) onBegin?.();
    seen.push(reply);
    // Leaving the loop cancels the call.
    if (seen.length === leavesAfter) break;
  }
  return {
    ids: seen.flatMap(({ tokenIds }) => tokenIds),
    logprobs: seen.flatMap(({ logprobs }) => logprobs.map(({ chosen }) => chosen?.logprob ?? Number.NaN)),
    left: seen.length === leavesAfter,
  };
}

async function expectSame(index: number, { ids, logprobs, left }: Answer): Promise<void> {
  const expected = alone[index] as Answer;
  const length = left ? ids.length : expected.ids.length;
  const different = Array.from({ length }, (_, at) => at).find((at) => ids[at] !== expected.ids[at]);
  if (different !== undefined) {
    // Another order of sums may decide between two tokens that are as good as equal, and nothing else may.
    expect(await marginAt(index, different), `request ${index}, token ${different}`).toBeLessThan(tie);
    return;
  }
  expect(ids.length, `request ${index}`).toBe(length);
  logprobs.forEach((logprob, at) => {
    expect(logprob, `request ${index}, token ${at}`).toBeCloseTo(expected.logprobs[at] ?? Number.NaN, 3);
  });
}

/** How far apart the two best tokens are after some tokens of an answer; infinite where luck had a say. */
async function marginAt(index: number, at: number): Promise<number> {
  const { promptIds, request } = load[index] as LoadRequest;
  if (request.options?.temperature !== 0) return Number.POSITIVE_INFINITY;
  const known = [...promptIds, ...(alone[index] as Answer).ids.slice(0, at)];
  const options = { temperature: 0, maxTokens: 1, logprobs: 2, ignoreEos: true };
  const request1 = { promptIds: { ids: known }, options };
  for await (const { logprobs } of replies(reference.client, reference.client.inference.generate(request1))) {
    const [best, second] = logprobs[0]?.top ?? [];
    if (best && second) return best.logprob - second.logprob;
  }
  return Number.POSITIVE_INFINITY;
}

/** Memory in which a stage of the tiny model, 5 layers of 4 heads of 8, holds the KV of so many tokens. */
function kvBytes(stages: number, tokens: number): number {
  const rowOverhead = 2;
  return tokens * Math.ceil(5 / stages) * 2 * 4 * 8 * 4 * rowOverhead;
}

function counterOf(metrics: string, name: string): number {
  const line = metrics.split("\n").find((each) => each.startsWith(`${name}{`) || each.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1) ?? Number.NaN);
}

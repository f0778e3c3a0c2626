import { grpcSource } from "../grpc-source.js";
import { generateLoad, type TokenSource } from "../load-generator.js";
import type { BenchTarget } from "../load-runner.js";
import { differences, distribution, median, type RequestTimes } from "../statistics.js";
import { makeWorkload } from "../workload.js";
import { atMost } from "./figure.js";
import { type Scenario, type SuiteContext, scaled, twoStages } from "./scenario.js";
import { withCluster } from "./with-servers.js";

const decoders = 8;
const decoderPrompt = 64;
const decoderOutput = 160;
const longPrompt = 1000;
const target = 2;

/** Requests that decode while long prompts arrive, one after the other, against the same without them. */
export const interference: Scenario = {
  name: "interference",
  title: `${decoders} requests decode while ${longPrompt}-token prompts arrive`,
  run: (context) =>
    withCluster(context, twoStages, async (cluster) => {
      const [quiet, quietTail, disturbed, prompts]: number[][] = [[], [], [], []];
      for (let round = 1; round <= context.rounds; round++) {
        context.onProgress(`round ${round} of ${context.rounds}: without long prompts, then with them`);
        const alone = await decode(context, cluster, 2 * round, false);
        const beside = await decode(context, cluster, 2 * round + 1, true);
        const { p50, p99 } = distribution(alone.gapsMs);
        quiet?.push(p50);
        quietTail?.push(p99);
        disturbed?.push(distribution(beside.gapsMs).p99);
        prompts?.push(beside.longPrompts);
      }
      const [quietMs, disturbedMs] = [median(quiet ?? []), median(disturbed ?? [])];
      return {
        figures: [
          atMost(target, {
            name: "time between tokens, p99 beside long prompts, of p50 without",
            reached: disturbedMs / quietMs,
            unit: "x",
            detail: `${disturbedMs.toFixed(1)} and ${quietMs.toFixed(1)} ms`,
          }),
        ],
        columns: [],
        stages: [],
        notes: [
          `${median(prompts ?? [])} long prompts were read while the others decoded.`,
          `Without them p99 was ${(median(quietTail ?? []) / quietMs).toFixed(1)} times p50.`,
        ],
      };
    }),
};

/** Gaps between the tokens of the decoding requests: all of them, or those in which long prompts were read. */
async function decode(
  context: SuiteContext,
  { client, vocabularySize }: BenchTarget,
  seed: number,
  withPrompts: boolean,
): Promise<{ gapsMs: number[]; longPrompts: number }> {
  const { signal } = context;
  const sizes = { vocabularySize, seed };
  const workload = makeWorkload({
    ...sizes,
    requests: decoders,
    promptTokens: scaled(context, decoderPrompt),
    outputTokens: scaled(context, decoderOutput),
  });
  const started = new FirstTokens(decoders, grpcSource(client));
  const startedMs = performance.now();
  let decoding = true;
  const load = generateLoad(workload, started.source, { concurrency: decoders, signal }).finally(() => {
    decoding = false;
  });
  await Promise.race([started.all, load]);
  const fromMs = performance.now() - startedMs;
  let longPrompts = 0;
  while (withPrompts && decoding) {
    const prompt = makeWorkload({
      vocabularySize,
      seed: 1000 * seed + longPrompts++,
      requests: 1,
      promptTokens: scaled(context, longPrompt),
      outputTokens: 1,
    });
    await Promise.race([load, generateLoad(prompt, grpcSource(client), { concurrency: 1, signal })]);
  }
  return { gapsMs: gapsAfter(await load, fromMs), longPrompts };
}

/** Gaps that began when every request decoded. */
function gapsAfter(requests: readonly RequestTimes[], fromMs: number): number[] {
  return requests.flatMap(({ tokensMs }) => differences(tokensMs.filter((atMs) => atMs >= fromMs)));
}

/** Tells when every request of a workload has its first token. */
class FirstTokens {
  readonly all: Promise<void>;
  readonly source: TokenSource;

  constructor(requests: number, source: TokenSource) {
    let arrive: () => void = () => undefined;
    this.all = new Promise((resolve) => {
      arrive = resolve;
    });
    let left = requests;
    this.source = async function* (request, signal) {
      let first = true;
      for await (const token of source(request, signal)) {
        if (first && --left === 0) arrive();
        first = false;
        yield token;
      }
    };
  }
}

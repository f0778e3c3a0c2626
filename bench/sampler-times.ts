import { parseArgs } from "node:util";
import { greedySampling } from "../common/greedy-sampling.js";
import type { SamplingParameters } from "../stage-worker/engine/stage-runner.js";
import { createSampler } from "../stage-worker/sampler/create-sampler.js";
import { normal, seededRandom } from "./random.js";
import { distribution } from "./statistics.js";

const usage = `Times the choice of a token from a row of whole logits, by ways of sampling, and prints JSON lines.

  node dist/bench/sampler-times.js [--vocabulary 128256] [--spread 2.5] [--rounds 100]

Logits are normally distributed; --spread is their standard deviation.`;

const ways: Readonly<Record<string, Partial<SamplingParameters>>> = {
  greedy: { temperature: 0 },
  temperature: {},
  "top-k 40": { topK: 40 },
  "top-k 1000": { topK: 1000 },
  "top-k 40000": { topK: 40_000 },
  "top-p 0.9": { topP: 0.9 },
  "top-p 0.9, temperature 0.1": { topP: 0.9, temperature: 0.1 },
  "top-p 0.9, temperature 100": { topP: 0.9, temperature: 100 },
  "top-p 0.9, penalties": { topP: 0.9, repetitionPenalty: 1.1, frequencyPenalty: 0.1 },
  "min-p 0.05": { minP: 0.05 },
  "greedy, 5 log-probabilities": { temperature: 0, wantLogprobs: true, topLogprobs: 5 },
};

const { values: given } = parseArgs({
  options: {
    vocabulary: { type: "string", default: "128256" },
    spread: { type: "string", default: "2.5" },
    rounds: { type: "string", default: "100" },
    help: { type: "boolean", default: false },
  },
});
if (given.help) console.log(usage);
else for (const [way, sampling] of Object.entries(ways)) console.log(JSON.stringify(timeWay(way, sampling)));

/** Later rounds only: the first ones are compiled. */
function timeWay(way: string, sampling: Partial<SamplingParameters>): object {
  const [vocabularySize, rounds] = [Number(given.vocabulary), Number(given.rounds)];
  const sampler = createSampler(vocabularySize);
  const whole = { ...greedySampling, temperature: 1, seed: 1, ...sampling };
  const empty = { history: new Uint32Array(0), promptLength: 0, cachedLength: 0, cachedBlocks: [] };
  sampler.open([{ sequenceId: 1, sampling: whole, ...empty }]);
  const random = seededRandom(1);
  const rows = Array.from({ length: 4 }, () =>
    Float32Array.from({ length: vocabularySize }, () => normal(random) * Number(given.spread)),
  );
  const timesMs = Array.from({ length: 2 * rounds }, (_, position) => {
    const startedMs = performance.now();
    sampler.sample(1, rows[position % rows.length] as Float32Array, position);
    return performance.now() - startedMs;
  });
  const { p50, p99 } = distribution(timesMs.slice(rounds));
  return { way, vocabularySize, p50Ms: Number(p50.toFixed(2)), p99Ms: Number(p99.toFixed(2)) };
}

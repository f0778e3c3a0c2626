import { describe, expect, it, onTestFinished } from "vitest";
import { createPagedRunner } from "../../stage-worker/engine/paged/create-paged-runner.js";
import { webgpuProvider } from "../../stage-worker/engine/paged/webgpu-provider.js";
import type {
  SampledToken,
  SamplingParameters,
  SequenceOpening,
} from "../../stage-worker/engine/stage-runner.js";
import { createSampler, type Sampler } from "../../stage-worker/sampler/create-sampler.js";
import type { RowPart } from "../../stage-worker/sampler/row-part.js";
import { tokensOf } from "../fixtures/cpu-pipeline.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { packTiny, tinySource } from "../fixtures/tiny-model.js";
import { webgpuMissing } from "../fixtures/webgpu.js";
import { wholeLogits as wanted } from "../fixtures/whole-logits.js";

/** Four runs of tokens. */
const vocabularySize = 1024;
const blockSize = 32;

/** One stage that holds the whole tiny model. */
async function driverOf(sampler: Sampler): Promise<RunnerDriver> {
  const sizes = { hiddenSize: 128, headSize: 64, ropeDimension: 64, ropeInterleaved: false, vocabularySize };
  const options = {
    ...runnerOptions({ blockCount: 128, blockSize, maxSequences: 32 }),
    ...(await packTiny(tinySource({ config: sizes }), "f16")),
    ...{ embedding: true, head: true, firstLayer: 0, endLayer: 3 },
  };
  const runner = await createPagedRunner(options, webgpuProvider(), sampler);
  onTestFinished(() => runner.close());
  return new RunnerDriver([runner], blockSize);
}

/** Remembers what it is given of a row in place of logits, too. */
class RecordingParts extends RecordingSampler {
  readonly parts = new Map<number, RowPart>();

  override samplePart(sequenceId: number, part: RowPart): SampledToken | undefined {
    this.parts.set(sequenceId, part);
    return super.samplePart(sequenceId, part);
  }
}

/** Counts rows that were sampled from all logits. */
class CountingSampler implements Sampler {
  readonly wholeRows = new Map<number, number>();
  readonly #sampler: Sampler;

  constructor(sampler: Sampler) {
    this.#sampler = sampler;
  }

  open(openings: readonly SequenceOpening[]): void {
    this.#sampler.open(openings);
  }

  sample(sequenceId: number, logits: Float32Array, position: number): SampledToken {
    this.wholeRows.set(sequenceId, (this.wholeRows.get(sequenceId) ?? 0) + 1);
    return this.#sampler.sample(sequenceId, logits, position);
  }

  samplePart(sequenceId: number, part: RowPart, position: number): SampledToken | undefined {
    return this.#sampler.samplePart(sequenceId, part, position);
  }

  close(sequenceIds: readonly number[]): void {
    this.#sampler.close(sequenceIds);
  }
}

/** The same token, and log-probabilities as far as sums of f32 tell them. */
function closeTo(token: SampledToken) {
  const near = (value: number) => expect.closeTo(value, 4);
  return {
    ...token,
    ...(token.logprob !== undefined && { logprob: near(token.logprob) }),
    ...(token.top && { top: token.top.map((entry) => ({ ...entry, logprob: near(entry.logprob) })) }),
  };
}

describe.skipIf(await webgpuMissing())("sampling on WebGPU", () => {
  it("tells what decides of a row's logits, and the logits of others in the same run", async () => {
    const sampler = new RecordingParts();
    const driver = await driverOf(sampler);
    const tokens = tokensOf(12, 6);
    driver.open(1, wanted);
    driver.open(2, { temperature: 1, topK: 40 });
    driver.open(3, { temperature: 1, topK: 65 });
    driver.open(4);
    driver.open(5, { temperature: 2, topP: 0.9, wantLogprobs: true });
    driver.open(6, { temperature: 0.5, seed: 6 });
    await driver.step([1, 2, 3, 4, 5, 6].map((id) => ({ id, tokens })));
    expect([...sampler.parts.keys()]).toEqual([2, 5, 6]);
    expect([...sampler.logits.keys()]).toEqual([1, 3]);
    const logits = sampler.logits.get(1) as Float32Array;
    const ranked = [...logits.keys()].sort(
      (one, other) => (logits[other] as number) - (logits[one] as number) || one - other,
    );
    const largest = logits[ranked[0] as number] as number;
    for (const [id, part] of sampler.parts) {
      expect(part).toMatchObject({ bestToken: ranked[0], largest });
      if (id !== 6) {
        expect(Array.from(part.top?.tokens ?? [])).toEqual(ranked.slice(0, 64));
        expect(Array.from(part.top?.logits ?? [])).toEqual(ranked.slice(0, 64).map((token) => logits[token]));
      }
      for (const { temperature, running, run, logits: drawn } of part.sums) {
        const weights = logits.map((logit) => Math.exp((logit - largest) / temperature));
        for (const [index, sum] of running.entries()) {
          const exact = weights.slice(0, (index + 1) * drawn.length).reduce((one, other) => one + other, 0);
          expect(Math.abs(sum / exact - 1)).toBeLessThan(1e-5);
        }
        expect(drawn).toEqual(logits.slice(run * drawn.length, (run + 1) * drawn.length));
      }
    }
    const temperatures = [...sampler.parts.values()].map(({ sums }) => sums.map((sum) => sum.temperature));
    expect(temperatures).toEqual([[], [2, 1], [0.5]]);
  });

  it("draws the tokens that all logits would give", async () => {
    const sampler = new CountingSampler(createSampler(vocabularySize));
    const driver = await driverOf(sampler);
    // The model's logits spread far: at these temperatures tens to hundreds of tokens are likely.
    const kinds: Partial<SamplingParameters>[] = [
      { temperature: 8 },
      { temperature: 1, wantLogprobs: true, topLogprobs: 5 },
      { temperature: 30, wantLogprobs: true, topLogprobs: 5 },
      { temperature: 2, topP: 0.9 },
      { temperature: 3, topP: 0.7, minP: 0.02, wantLogprobs: true, topLogprobs: 20 },
      { temperature: 4, minP: 0.1 },
      { temperature: 10, topK: 20, topP: 0.8, wantLogprobs: true },
      { temperature: 0, wantLogprobs: true, topLogprobs: 3 },
      { temperature: 5, topK: 20, repetitionPenalty: 1.1, presencePenalty: 0.5 },
      { temperature: 0, frequencyPenalty: 0.5 },
      // So flat that top-p lets in hundreds.
      { temperature: 1000, topP: 0.9 },
    ].map((kind, seed) => ({ ...kind, seed }));
    const whole = kinds.length;
    for (const [id, sampling] of kinds.entries()) {
      driver.open(id, sampling);
      driver.open(id + whole, { ...sampling, ...wanted });
    }
    const ids = [...Array(2 * whole).keys()];
    let next = ids.map(() => tokensOf(5, 3));
    const drawn = new Set<number>();
    for (let step = 0; step < 60; step++) {
      const tokens = await driver.step(ids.map((id) => ({ id, tokens: next[id] as number[] })));
      expect(tokens.map(({ sequenceId }) => sequenceId)).toEqual(ids);
      for (const id of kinds.keys()) {
        const [part, all] = [tokens[id], tokens[id + whole]];
        expect({ ...part, sequenceId: 0 }).toEqual(closeTo({ ...all, sequenceId: 0 } as SampledToken));
        drawn.add(part?.tokenId ?? -1);
      }
      next = tokens.map(({ tokenId }) => [tokenId]);
    }
    expect(drawn.size).toBeGreaterThan(150);
    const fetched = [...kinds.keys()].map((id) => sampler.wholeRows.get(id) ?? 0);
    expect(fetched.slice(0, 3)).toEqual([0, 0, 0]);
    expect(fetched.at(-1)).toBe(60);
  });
});

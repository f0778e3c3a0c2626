import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InferenceSession, type Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { greedySampling } from "../../common/greedy-sampling.js";
import { packedInputs, pagedInputs } from "../../model/graph/stage-graph-io.js";
import { createPagedRunner } from "../../stage-worker/engine/paged/create-paged-runner.js";
import type { Provider } from "../../stage-worker/engine/paged/provider.js";
import { webgpuProvider } from "../../stage-worker/engine/paged/webgpu-provider.js";
import type { SampledToken, SamplingParameters } from "../../stage-worker/engine/stage-runner.js";
import { createSampler } from "../../stage-worker/sampler/create-sampler.js";
import type { RowPart } from "../../stage-worker/sampler/row-part.js";
import { tokensOf } from "../fixtures/cpu-pipeline.js";
import { RecordingSampler, RunnerDriver } from "../fixtures/runner-driver.js";
import { runnerOptions } from "../fixtures/stage-fixtures.js";
import { tempFolder } from "../fixtures/temp-folder.js";
import { packTiny, tinySource } from "../fixtures/tiny-model.js";
import { webgpuMissing } from "../fixtures/webgpu.js";
import { wholeLogits } from "../fixtures/whole-logits.js";

type Feeds = Readonly<Record<string, Tensor>>;

/** WebGPU whose sessions note what they are fed, and write what they computed into a folder. */
function watchedProvider(folder: string): Provider & { readonly fed: Feeds[] } {
  const fed: Feeds[] = [];
  return {
    ...webgpuProvider(),
    fed,
    open: async (path) => {
      const session = await InferenceSession.create(path, {
        executionProviders: [{ name: "webgpu", validationMode: "disabled" }],
        graphOptimizationLevel: "all",
        logSeverityLevel: 3,
        enableProfiling: true,
        profileFilePrefix: join(folder, "profile"),
      });
      const run = async (feeds: Feeds, wanted: string[]) => {
        fed.push(feeds);
        return await session.run(feeds, wanted);
      };
      const release = async () => {
        session.endProfiling();
        await session.release();
      };
      return { ...session, run: run as typeof session.run, release };
    },
  };
}

/** How often each operator ran, as `provider operator`, a run. */
async function operatorsRun(folder: string): Promise<ReadonlyMap<string, number>> {
  const [file = ""] = await readdir(folder);
  const events = JSON.parse(await readFile(join(folder, file), "utf8")) as readonly {
    readonly name: string;
    readonly args?: { readonly provider?: string; readonly op_name?: string };
  }[];
  const runs = events.filter(({ name }) => name === "model_run").length;
  const counts = new Map<string, number>();
  for (const { name, args } of events) {
    if (!name.endsWith("_kernel_time")) continue;
    const operator = `${args?.provider} ${args?.op_name}`;
    counts.set(operator, (counts.get(operator) ?? 0) + 1 / runs);
  }
  return counts;
}

/** The tiny model with a head size that the provider's attention takes. */
async function tinyPacked() {
  const config = { hiddenSize: 128, headSize: 64, ropeDimension: 64, ropeInterleaved: false };
  return await packTiny(tinySource({ config }), "f16");
}

/** What three steps of a whole model were fed, and what they took. */
async function steps(change: Partial<SamplingParameters>) {
  const packed = await tinyPacked();
  const folder = await tempFolder();
  const provider = watchedProvider(folder);
  const options = { ...runnerOptions({ blockCount: 8, blockSize: 32, endLayer: 3 }), ...packed };
  const sampler = await createSampler(packed.manifest.config.vocabularySize);
  const runner = await createPagedRunner(options, provider, sampler);
  const driver = new RunnerDriver([runner], 32);
  driver.open(1, { ...greedySampling, ...change });
  driver.open(2, { ...greedySampling, ...change });
  for (const tokens of [tokensOf(40, 1), [5], [6]]) {
    await driver.step([
      { id: 1, tokens },
      { id: 2, tokens: [7] },
    ]);
  }
  await runner.close();
  const caches = /^(key|value)_cache\./;
  const fed = provider.fed.map((feeds) => Object.keys(feeds).filter((name) => !caches.test(name)));
  return { fed, operators: await operatorsRun(folder) };
}

/** Notes all that tokens are chosen from. */
class NotingSampler extends RecordingSampler {
  readonly seen: unknown[] = [];

  override sample(sequenceId: number, logits: Float32Array): SampledToken {
    this.seen.push(logits.slice());
    return super.sample(sequenceId, logits);
  }

  override samplePart(sequenceId: number, part: RowPart): SampledToken | undefined {
    this.seen.push(structuredClone(part));
    return super.samplePart(sequenceId, part);
  }
}

/** What tokens of a mixed batch are chosen from, by whole logits and by parts, beside a greedy one. */
async function seenWith(model: Awaited<ReturnType<typeof tinyPacked>>, provider: Provider) {
  const sampler = new NotingSampler();
  const options = { ...runnerOptions({ blockCount: 8, blockSize: 32, endLayer: 3 }), ...model };
  const runner = await createPagedRunner(options, provider, sampler);
  const driver = new RunnerDriver([runner], 32);
  driver.open(1, wholeLogits);
  driver.open(2, { temperature: 0.7, topP: 0.9, seed: 5 });
  driver.open(3);
  const tokens = [];
  for (const prompt of [tokensOf(40, 1), [5]]) {
    const step = [1, 2, 3].map((id) => ({ id, tokens: prompt.slice(0, 41 - id) }));
    tokens.push(...(await driver.step(step)));
  }
  await runner.close();
  return { seen: sampler.seen, tokens };
}

const memcpy = (way: "To" | "From") => `WebGpuExecutionProvider Memcpy${way}Host`;

describe.skipIf(await webgpuMissing())("a run on WebGPU", () => {
  it("copies one tensor in, and fetches nothing but tokens", async () => {
    const { fed, operators } = await steps({});
    // What else it is fed is read on the CPU: were it on the device, it would have to be fetched.
    const { integers, sizes, tableShape, weighedRows } = packedInputs;
    const expected = [integers, sizes, tableShape, weighedRows, pagedInputs.longest, "wants_parts"];
    for (const names of fed) expect(names.toSorted()).toEqual(expected.toSorted());
    expect(operators.get(memcpy("To"))).toBe(1);
    expect(operators.get(memcpy("From"))).toBeUndefined();
  });

  it("copies another where rows are weighed", async () => {
    const { operators } = await steps({ temperature: 1, seed: 3 });
    expect(operators.get("CPUExecutionProvider Cast")).toBe(1);
    expect(operators.get(memcpy("From"))).toBe(1);
    expect(operators.get(memcpy("To"))).toBe(1);
  });

  it("computes the same bits as with a tensor for each input, which is how CUDA has them", async () => {
    const model = await tinyPacked();
    const packed = await seenWith(model, webgpuProvider());
    expect(packed.seen).toHaveLength(4);
    expect(await seenWith(model, { ...webgpuProvider(), packsIntegers: false })).toEqual(packed);
  });
});

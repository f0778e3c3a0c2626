import type { Manifest } from "../../model/store/manifest.js";
import { type FittedTime, fitLine, type TimedRows } from "./fit-line.js";
import { type BenchLimits, RunnerBench } from "./runner-bench.js";
import type { StageRunner } from "./stage-runner.js";

/** A fitted line and what it was fitted to. */
export interface MeasuredTime extends FittedTime {
  readonly points: readonly TimedRows[];
}

/** What the planner needs to know of a worker and a model; see MeasureReply in stage.proto. */
export interface ModelTimes {
  readonly layerDecode: MeasuredTime;
  readonly layerPrefill: MeasuredTime;
  readonly embedding: MeasuredTime;
  readonly head: MeasuredTime;
  /** A micro-batch's own cost, whatever the stage holds. */
  readonly stage: FittedTime;
  /** Of one more token of context, a decoding row and layer. */
  readonly attentionMsPerToken: number;
  /** Context that `layerDecode` was measured with. */
  readonly contextTokens: number;
  /**
   * How much longer something took at the end than at the beginning, or because others had the processor,
   * whichever is more; 0 is undisturbed.
   */
  readonly disturbance: number;
}

/** A part of the model to open a runner over. */
export interface MeasuredPart {
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly embedding: boolean;
  readonly head: boolean;
}

/** How runners are opened. */
export interface MeasureOptions {
  readonly limits: BenchLimits;
  /** They compute elsewhere than on this process's processors. */
  readonly onGpu: boolean;
}

/** A stage's weights come from memory; those of a few small layers would stay in a cache and look faster. */
const leastWeightBytes = 32 * 1_048_576;
const leastLayers = 4;
const embeddingTokens = [1, 16, 128];
const prefillTokens = [32, 128];
const decodeRows = [1, 4, 8, 16];
/** Tokens that decoding sequences have already: a prompt of usual length and some of its answer. */
const decodeContext = 160;
/** Contexts between which attention's growth is measured. */
const attentionContexts = [64, 224] as const;
const attentionRows = 8;

/** Layers that `measureModel` needs the blobs of: enough that no cache holds them, four at least. */
export function measuredLayers({ config, blobs }: Manifest): number {
  const layerBytes = blobs.find(({ role, layer }) => role === "layer" && layer === 0)?.sizeBytes ?? 0;
  const layers = layerBytes > 0 ? Math.ceil(leastWeightBytes / layerBytes) : leastLayers;
  return Math.min(Math.max(leastLayers, layers), config.layerCount);
}

/**
 * Times the parts of a model: the embedding and the head each alone, and a layer as the difference between
 * many and one. What is left of the one is the cost of a call, which each stage has once.
 */
export async function measureModel(
  manifest: Manifest,
  { limits, onGpu }: MeasureOptions,
  openRunner: (part: MeasuredPart) => Promise<StageRunner>,
): Promise<ModelTimes> {
  const { layerCount } = manifest.config;
  const openBench = async (part: Partial<MeasuredPart>): Promise<RunnerBench> => {
    const whole = { firstLayer: 0, endLayer: 0, embedding: false, head: false, ...part };
    const input = whole.embedding ? "tokens" : "hidden";
    return new RunnerBench(await openRunner(whole), manifest.config, input, limits);
  };

  const layers = measuredLayers(manifest);
  const headRange = { firstLayer: layerCount, endLayer: layerCount, head: true };
  const { many, head } = await using(await openBench({ endLayer: layers }), async (manyLayers) => ({
    many: await timeLayers(manyLayers, onGpu),
    // Right after layers, as in a stage: alone it would find its weights in a cache.
    head: await using(await openBench(headRange), (bench) =>
      bench.timeDecodes(decodeRows, 0, () => manyLayers.timeOnce(1)),
    ),
  }));
  const one = await using(await openBench({ endLayer: 1 }), timeOneLayer);
  const embedding = await using(await openBench({ embedding: true }), (bench) =>
    timeAll(embeddingTokens, (tokens) => bench.timePrefill(tokens)),
  );

  const layerDecode = perLayer(many.decode, one.decode, layers);
  const ownMs = layers === 1 ? 0 : leftOver(one.decode, layerDecode);
  return {
    layerDecode: fitted(layerDecode),
    layerPrefill: fitted(perLayer(many.prefill, one.prefill, layers)),
    embedding: fitted(without(ownMs, embedding)),
    head: fitted(without(ownMs, head)),
    stage: { alphaMs: ownMs, betaMs: 0 },
    attentionMsPerToken: many.attentionMsPerToken / layers,
    contextTokens: decodeContext,
    disturbance: many.disturbance,
  };
}

async function timeLayers(bench: RunnerBench, onGpu: boolean) {
  const prefill = await timeAll(prefillTokens, (tokens) => bench.timePrefill(tokens));
  const last = prefill.at(-1) as TimedRows;
  const decode = await bench.timeDecodes(decodeRows, decodeContext);
  const attentionMsPerToken = await timeAttention(bench);
  const again = await bench.timePrefill(last.rows);
  const processorShare = onGpu ? 1 : bench.processorShare;
  const disturbance = disturbanceOf({ firstMs: last.ms, againMs: again, processorShare });
  return { prefill, decode, attentionMsPerToken, disturbance };
}

/**
 * Of the same thing timed twice, by how much the longer time exceeds the shorter, or the time that others had the
 * processor, whichever is more. A processor that waits for a GPU says nothing: then its share is 1.
 */
export function disturbanceOf({
  firstMs,
  againMs,
  processorShare,
}: {
  readonly firstMs: number;
  readonly againMs: number;
  readonly processorShare: number;
}): number {
  // Nothing can be told from what takes no time.
  if (firstMs < 1) return 0;
  const drift = Math.max(againMs, firstMs) / Math.max(Math.min(againMs, firstMs), 1e-6) - 1;
  return Math.max(drift, 1 / processorShare - 1);
}

async function timeOneLayer(bench: RunnerBench) {
  const prefill = await timeAll(prefillTokens, (tokens) => bench.timePrefill(tokens));
  return { prefill, decode: await bench.timeDecodes(decodeRows, decodeContext) };
}

/** Of all layers together: keys and values of one alone would stay in a cache. */
async function timeAttention(bench: RunnerBench): Promise<number> {
  const [short, long] = attentionContexts;
  const [shortMs = 0] = (await bench.timeDecodes([attentionRows], short)).map(({ ms }) => ms);
  const [longMs = 0] = (await bench.timeDecodes([attentionRows], long)).map(({ ms }) => ms);
  return Math.max(0, longMs - shortMs) / (attentionRows * (long - short));
}

async function timeAll(
  rowCounts: readonly number[],
  time: (rows: number) => Promise<number>,
): Promise<TimedRows[]> {
  const timed: TimedRows[] = [];
  for (const rows of rowCounts) timed.push({ rows, ms: await time(rows) });
  return timed;
}

function perLayer(many: readonly TimedRows[], one: readonly TimedRows[], layers: number): TimedRows[] {
  return many.map(({ rows, ms }, index) => ({
    rows,
    ms: layers === 1 ? ms : Math.max(0, ms - (one[index]?.ms ?? 0)) / (layers - 1),
  }));
}

/** What one layer's runs took beyond the layer, on average; rows change it too little to be told from noise. */
function leftOver(one: readonly TimedRows[], layer: readonly TimedRows[]): number {
  const sum = one.reduce((total, { ms }, index) => total + ms - (layer[index]?.ms ?? 0), 0);
  return Math.max(0, sum / one.length);
}

function without(ownMs: number, times: readonly TimedRows[]): TimedRows[] {
  return times.map(({ rows, ms }) => ({ rows, ms: Math.max(0, ms - ownMs) }));
}

function fitted(points: readonly TimedRows[]): MeasuredTime {
  return { ...fitLine(points), points };
}

async function using<Value>(
  bench: RunnerBench,
  measure: (bench: RunnerBench) => Promise<Value>,
): Promise<Value> {
  try {
    return await measure(bench);
  } finally {
    await bench.close();
  }
}

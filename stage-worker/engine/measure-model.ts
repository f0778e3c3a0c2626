import type { Manifest } from "../../model/store/manifest.js";
import { type FittedTime, fitLine, type TimedRows } from "./fit-line.js";
import { type BenchLimits, type MeasureSchedule, measuredLayers } from "./measure-schedule.js";
import { RunnerBench } from "./runner-bench.js";
import type { RunnerOptions, StageRunner } from "./stage-runner.js";

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
  /** A micro-batch's own cost, whatever the stage holds; what grows with its rows is hidden states in and out. */
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

/** How a model is measured. */
export interface MeasureOptions {
  readonly schedule: MeasureSchedule;
  /** What runners are opened with. */
  readonly limits: BenchLimits & Pick<RunnerOptions, "activationDtype">;
}

/**
 * Times the parts of a model: a layer as the difference between many and one; the embedding alone; the head alone,
 * or on a GPU as what a stage takes longer with it. What is left of the one layer is the cost of a call, which each
 * stage has once: it is a middle stage, so that what grows with its rows is hidden states that come in and go out.
 */
export async function measureModel(
  manifest: Manifest,
  { schedule, limits }: MeasureOptions,
  openRunner: (part: MeasuredPart) => Promise<StageRunner>,
): Promise<ModelTimes> {
  const { layerCount } = manifest.config;
  const { decodeRows, decodeContext, embeddingTokens, onGpu, pace } = schedule;
  const openBench = async (part: Partial<MeasuredPart>): Promise<RunnerBench> => {
    const whole = { firstLayer: 0, endLayer: 0, embedding: false, head: false, ...part };
    const input = whole.embedding ? "tokens" : "hidden";
    return new RunnerBench(await openRunner(whole), manifest.config, input, limits, { pace });
  };

  const layers = measuredLayers(manifest, schedule);
  const { many, headAlone } = await using(await openBench({ endLayer: layers }), async (manyLayers) => ({
    many: await timeLayers(manyLayers, schedule),
    headAlone: onGpu ? [] : await timeHeadAfter(manyLayers),
  }));
  const one = await using(await openBench({ endLayer: 1 }), (bench) => timeOneLayer(bench, schedule));
  const layerDecode = perLayer(many.decode, one.decode, layers);
  const layerPrefill = perLayer(many.prefill, one.prefill, layers);
  const own = layers === 1 ? none : ownTime(one, { decode: layerDecode, prefill: layerPrefill }, onGpu);

  const embedding = await using(await openBench({ embedding: true }), (bench) =>
    bench.timePrefills(embeddingTokens),
  );
  const head = onGpu
    ? await using(await openBench({ endLayer: layers, head: true }), async (bench) =>
        beyond(await bench.timeDecodes(decodeRows, decodeContext), many.decode, own),
      )
    : without(own, headAlone);
  return {
    layerDecode: fitted(layerDecode),
    layerPrefill: fitted(layerPrefill),
    embedding: fitted(without(own, embedding)),
    head: fitted(head),
    stage: own,
    attentionMsPerToken: many.attentionMsPerToken / layers,
    contextTokens: decodeContext,
    disturbance: many.disturbance,
  };

  /** Right after layers, as in a stage: alone it would find its weights in a cache. */
  async function timeHeadAfter(manyLayers: RunnerBench): Promise<TimedRows[]> {
    const headRange = { firstLayer: layerCount, endLayer: layerCount, head: true };
    return await using(await openBench(headRange), (bench) =>
      bench.timeDecodes(decodeRows, 0, () => manyLayers.timeOnce(1)),
    );
  }
}

const longestReadMs = 5_000;

async function timeLayers(bench: RunnerBench, schedule: MeasureSchedule) {
  const prefill = await bench.timePrefills(schedule.prefillTokens);
  const last = prefill.at(-1) as TimedRows;
  const decode = await bench.timeDecodes(schedule.decodeRows, schedule.decodeContext);
  // Software that passes for a GPU would read a long context for minutes.
  const readMs = (last.ms / last.rows) * schedule.attention.contexts[1];
  const attentionMsPerToken = readMs > longestReadMs ? 0 : await timeAttention(bench, schedule);
  const again = await bench.timePrefill(last.rows);
  const processorShare = schedule.onGpu ? 1 : bench.processorShare;
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

async function timeOneLayer(bench: RunnerBench, schedule: MeasureSchedule) {
  const prefill = await bench.timePrefills(schedule.prefillTokens);
  return { prefill, decode: await bench.timeDecodes(schedule.decodeRows, schedule.decodeContext) };
}

/** Of all layers together: keys and values of one alone would stay in a cache. */
async function timeAttention(bench: RunnerBench, { attention }: MeasureSchedule): Promise<number> {
  const { rows, contexts } = attention;
  const [short, long] = contexts;
  const [shortMs = 0] = (await bench.timeDecodes([rows], short)).map(({ ms }) => ms);
  const [longMs = 0] = (await bench.timeDecodes([rows], long)).map(({ ms }) => ms);
  return Math.max(0, longMs - shortMs) / (rows * (long - short));
}

function perLayer(many: readonly TimedRows[], one: readonly TimedRows[], layers: number): TimedRows[] {
  return many.map(({ rows, ms }) => ({
    rows,
    ms: layers === 1 ? ms : Math.max(0, ms - msAt(one, rows)) / (layers - 1),
  }));
}

interface LayerTimes {
  readonly decode: readonly TimedRows[];
  readonly prefill: readonly TimedRows[];
}

/**
 * What one layer's runs took beyond the layer. Few rows change it too little to be told from noise, so that is an
 * average; a GPU's copies of a large chunk in and out show, and are shared out over its tokens.
 */
function ownTime(one: LayerTimes, layer: LayerTimes, onGpu: boolean): FittedTime {
  const beyondLayer = (times: "decode" | "prefill") =>
    layer[times].map(({ rows, ms }) => ({ rows, ms: msAt(one[times], rows) - ms }));
  const few = beyondLayer("decode").filter(({ rows }) => rows <= mostFewRows);
  const alphaMs = Math.max(0, few.reduce((total, { ms }) => total + ms, 0) / few.length);
  const chunk = beyondLayer("prefill").at(-1);
  if (!onGpu || chunk === undefined) return { alphaMs, betaMs: 0 };
  return { alphaMs, betaMs: Math.max(0, chunk.ms - alphaMs) / chunk.rows };
}

/** Rows whose hidden states are too small for their copies to count. */
const mostFewRows = 16;

/** A part that has hidden states on one side only, without what a call costs. */
function without(own: FittedTime, times: readonly TimedRows[]): TimedRows[] {
  return times.map(({ rows, ms }) => ({
    rows,
    ms: Math.max(0, ms - own.alphaMs - (own.betaMs * rows) / 2),
  }));
}

/** What runs that end with the head take longer than those that give their hidden states. */
function beyond(withHead: readonly TimedRows[], plain: readonly TimedRows[], own: FittedTime): TimedRows[] {
  return withHead.map(({ rows, ms }) => ({
    rows,
    ms: Math.max(0, ms - msAt(plain, rows) + (own.betaMs * rows) / 2),
  }));
}

/** Of the same counts: both go as far as the slower one does, or farther. */
function msAt(times: readonly TimedRows[], rows: number): number {
  return times.find((each) => each.rows === rows)?.ms ?? times.at(-1)?.ms ?? 0;
}

const none: FittedTime = { alphaMs: 0, betaMs: 0 };

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

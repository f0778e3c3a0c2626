import type { Manifest } from "../../model/store/manifest.js";
import { type FittedTime, fitLine, type TimedRows } from "./fit-line.js";
import { RunnerBench } from "./runner-bench.js";
import type { StageRunner } from "./stage-runner.js";

/** What the planner needs to know of a worker and a model; see MeasureReply in stage.proto. */
export interface ModelTimes {
  readonly layerDecode: FittedTime;
  readonly layerPrefill: FittedTime;
  readonly embedding: FittedTime;
  readonly head: FittedTime;
}

/** A part of the model to open a runner over. */
export interface MeasuredPart {
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly embedding: boolean;
  readonly head: boolean;
}

/** Layers of the longer of the two runs whose difference is the time of a layer. */
const mostLayers = 4;
const embeddingTokens = [1, 16, 128];
const prefillTokens = [32, 128];
const decodeRows = [1, 4, 16];
/** Contexts for decoding, the first that can be made in time. */
const contexts = [128, 64, 32, 16] as const;
const contextBudgetMs = 1_500;

/** Layers that `measureModel` needs the blobs of. */
export function measuredLayers({ config }: Manifest): number {
  return Math.min(mostLayers, config.layerCount);
}

/**
 * Times the parts of a model: the embedding and the head each alone, and a layer as the difference between
 * several and one, so that the cost of a call is not counted for every layer.
 */
export async function measureModel(
  manifest: Manifest,
  openRunner: (part: MeasuredPart) => Promise<StageRunner>,
): Promise<ModelTimes> {
  const { layerCount } = manifest.config;
  const openBench = async (part: Partial<MeasuredPart>): Promise<RunnerBench> => {
    const whole = { firstLayer: 0, endLayer: 0, embedding: false, head: false, ...part };
    return new RunnerBench(await openRunner(whole), manifest.config, whole.embedding ? "tokens" : "hidden");
  };

  const embedding = await using(await openBench({ embedding: true }), (bench) =>
    timeAll(embeddingTokens, (tokens) => bench.timePrefill(tokens)),
  );
  const head = await using(
    await openBench({ firstLayer: layerCount, endLayer: layerCount, head: true }),
    (bench) => timeAll(decodeRows, (rows) => bench.timeDecode(rows, 0)),
  );
  const layers = measuredLayers(manifest);
  const many = await using(await openBench({ endLayer: layers }), timeLayers);
  const one = layers === 1 ? undefined : await using(await openBench({ endLayer: 1 }), timeLayers);
  return {
    layerDecode: fitLine(perLayer(many.decode, one?.decode, layers)),
    layerPrefill: fitLine(perLayer(many.prefill, one?.prefill, layers)),
    embedding: fitLine(embedding),
    head: fitLine(head),
  };
}

async function timeLayers(bench: RunnerBench): Promise<{ prefill: TimedRows[]; decode: TimedRows[] }> {
  const prefill = await timeAll(prefillTokens, (tokens) => bench.timePrefill(tokens));
  const last = prefill.at(-1) as TimedRows;
  const context = affordableContext(last.ms / last.rows);
  return { prefill, decode: await timeAll(decodeRows, (rows) => bench.timeDecode(rows, context)) };
}

/** Large models cannot prefill all the sequences at length in the time that measuring may take. */
function affordableContext(tokenMs: number): number {
  const tokens = decodeRows.reduce((sum, rows) => sum + rows, 0);
  return contexts.find((context) => context * tokens * tokenMs <= contextBudgetMs) ?? 16;
}

async function timeAll(
  rowCounts: readonly number[],
  time: (rows: number) => Promise<number>,
): Promise<TimedRows[]> {
  const timed: TimedRows[] = [];
  for (const rows of rowCounts) timed.push({ rows, ms: await time(rows) });
  return timed;
}

function perLayer(
  many: readonly TimedRows[],
  one: readonly TimedRows[] | undefined,
  layers: number,
): TimedRows[] {
  return many.map(({ rows, ms }, index) => ({
    rows,
    ms: one === undefined ? ms : Math.max(0, ms - (one[index]?.ms ?? 0)) / (layers - 1),
  }));
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

import Table from "cli-table3";
import { formatBytes } from "../../model/store/format-bytes.js";
import type { Plan, PlannedStage } from "./types.js";

/** What the table's heading says beside the plan. */
export interface PlanContext {
  /** Model and variant as users type them. */
  readonly model?: string;
  readonly variant?: string;
  /** Sequences for which the plan was made. */
  readonly concurrency?: number;
  /** What was measured while the plan ran; adds columns and figures next to the predictions. */
  readonly achieved?: AchievedTimes;
}

/** Measured counterparts of a plan's predictions; absent ones are shown as unknown. */
export interface AchievedTimes {
  /** In the order of the plan's stages. */
  readonly stages: readonly { readonly decodeMs?: number; readonly prefillMs?: number }[];
  readonly decodeTokensPerSecond?: number;
  readonly prefillTokensPerSecond?: number;
  readonly singleTokensPerSecond?: number;
}

/** A plan as a table for people, with what limits it, what it should reach and what it leaves out; no colours. */
export function renderPlan(plan: Plan, context: PlanContext = {}): string {
  return [...heading(context), stageTable(plan, context.achieved), ...facts(plan, context)].join("\n");
}

/** A plan for scripts: the same names, numbers rounded to what a measurement is worth. */
export function planToJson(plan: Plan): Plan {
  const { stages, decodeTokensPerSecond, prefillTokensPerSecond, singleTokensPerSecond } = plan;
  return {
    ...plan,
    stages: stages.map((stage) => ({
      ...stage,
      decodeMs: rounded(stage.decodeMs),
      prefillMs: rounded(stage.prefillMs),
      hopMs: rounded(stage.hopMs),
    })),
    decodeTokensPerSecond: rounded(decodeTokensPerSecond),
    prefillTokensPerSecond: rounded(prefillTokensPerSecond),
    singleTokensPerSecond: rounded(singleTokensPerSecond),
  };
}

function heading({ model, variant }: PlanContext): string[] {
  if (model === undefined) return [];
  return [variant === undefined ? `Plan for ${model}` : `Plan for ${model} (${variant})`];
}

function stageTable({ stages }: Plan, achieved: AchievedTimes | undefined): string {
  const times = (name: string): string[] => (achieved === undefined ? [name] : [name, "achieved"]);
  const head = [
    "stage",
    "worker",
    "layers",
    ...times("decode ms"),
    ...times("prefill ms"),
    "hop ms",
    "weights",
    "KV",
  ];
  const table = new Table({
    head,
    colAligns: head.map((_, column) => (column === 1 || column === 2 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const [index, stage] of stages.entries()) {
    const { decodeMs, prefillMs } = achieved?.stages[index] ?? {};
    table.push([
      index,
      stage.workerId,
      layersOf(stage, index === 0, index === stages.length - 1),
      milliseconds(stage.decodeMs),
      ...(achieved === undefined ? [] : [milliseconds(decodeMs)]),
      milliseconds(stage.prefillMs),
      ...(achieved === undefined ? [] : [milliseconds(prefillMs)]),
      milliseconds(stage.hopMs),
      formatBytes(Math.round(stage.weightBytes)),
      formatBytes(Math.round(stage.kvBytes)),
    ]);
  }
  return table.toString();
}

function layersOf({ firstLayer, endLayer }: PlannedStage, first: boolean, last: boolean): string {
  const count = endLayer - firstLayer;
  const layers = count === 0 ? [] : [count === 1 ? `${firstLayer}` : `${firstLayer}-${endLayer - 1}`];
  return [...(first ? ["embedding"] : []), ...layers, ...(last ? ["head"] : [])].join(", ");
}

function facts(plan: Plan, { concurrency, achieved }: PlanContext): string[] {
  const sequences =
    concurrency === undefined ? "decoding" : `decoding ${concurrency} ${plural(concurrency, "sequence")}`;
  const lanes = `in ${plan.laneCount} ${plural(plan.laneCount, "lane")}`;
  const predictions = [
    {
      what: `${sequences} ${lanes}`,
      at: plan.decodeTokensPerSecond,
      reached: achieved?.decodeTokensPerSecond,
    },
    { what: "prefill", at: plan.prefillTokensPerSecond, reached: achieved?.prefillTokensPerSecond },
    { what: "one request alone", at: plan.singleTokensPerSecond, reached: achieved?.singleTokensPerSecond },
  ];
  return [
    `Bottleneck: ${plan.bottleneck}`,
    ...predictions.map(({ what, at, reached }) => {
      const beside = reached === undefined ? "" : `, achieved ${rate(reached)} (${share(reached, at)})`;
      return `Predicted:  ${rate(at)} ${what}${beside}`;
    }),
    ...plan.leftOut.map(({ workerId, reason }) => `Left out:   ${workerId}: ${reason}`),
    ...plan.remarks.map((remark) => `Note:       ${remark}`),
  ];
}

function milliseconds(timeMs: number | undefined): string {
  return timeMs === undefined ? "?" : timeMs.toFixed(2);
}

function rate(tokensPerSecond: number): string {
  return `${tokensPerSecond.toFixed(tokensPerSecond < 100 ? 1 : 0)} tok/s`;
}

function share(reached: number, predicted: number): string {
  return `${((100 * reached) / predicted).toFixed(0)} %`;
}

function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

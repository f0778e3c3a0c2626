import Table from "cli-table3";
import { formatBytes } from "../../model/store/format-bytes.js";
import type { Plan, PlannedStage, ReplicatedPlan } from "./types.js";

/** What is said beside the plan. */
export interface PlanContext {
  /** Model and variant as users type them. */
  readonly model?: string;
  readonly variant?: string;
  /** Sequences for which the plan was made. */
  readonly concurrency?: number;
  /** What was measured while the plan ran, to stand next to the predictions. */
  readonly achieved?: readonly { readonly concurrency: number; readonly tokensPerSecond: number }[];
}

/** A plan as a table for people, with what limits it, what it should reach and what it leaves out; no colours. */
export function renderPlan(plan: Plan | ReplicatedPlan, context: PlanContext = {}): string {
  if ("replicas" in plan) return renderReplicas(plan, context);
  return [...heading(context), stageTable(plan), ...facts(plan, context), ...decoding(plan, context)].join(
    "\n",
  );
}

function renderReplicas(plan: ReplicatedPlan, context: PlanContext): string {
  const { achieved: _, ...each } = context;
  const parts = plan.replicas.map((replica, index) =>
    [`Replica ${index}`, stageTable(replica), ...facts(replica, each)].join("\n"),
  );
  const together = [
    `Together`,
    `Predicted:  ${rate(plan.decodeTokensPerSecond)} decoding, ${rate(plan.prefillTokensPerSecond)} prefill`,
    ...decoding(plan, context),
  ];
  return [...heading(context), ...parts, together.join("\n")].join("\n");
}

/** A plan for scripts: the same names, numbers rounded to what a measurement is worth. */
export function planToJson<Some extends Plan | ReplicatedPlan>(plan: Some): Some {
  return roundedAll(plan) as Some;
}

/** Times and rates are the only fractions in a plan. */
function roundedAll(value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 1000) / 1000;
  if (Array.isArray(value)) return value.map(roundedAll);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inside]) => [key, roundedAll(inside)]));
}

function heading({ model, variant }: PlanContext): string[] {
  if (model === undefined) return [];
  return [variant === undefined ? `Plan for ${model}` : `Plan for ${model} (${variant})`];
}

function stageTable({ stages }: Plan): string {
  const head = ["stage", "worker", "layers", "decode ms", "prefill ms", "hop ms", "weights", "KV"];
  const table = new Table({
    head,
    colAligns: head.map((_, column) => (column === 1 || column === 2 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const [index, stage] of stages.entries()) {
    table.push([
      index,
      stage.workerId,
      layersOf(stage, index === 0, index === stages.length - 1),
      milliseconds(stage.decodeMs),
      milliseconds(stage.prefillMs),
      milliseconds(stage.hopMs),
      weightsOf(stage),
      formatBytes(Math.round(stage.kvBytes)),
    ]);
  }
  return table.toString();
}

function weightsOf({ weightBytes, weights }: PlannedStage): string {
  return [formatBytes(Math.round(weightBytes)), ...(weights === undefined ? [] : [weights])].join(" ");
}

function layersOf({ firstLayer, endLayer }: PlannedStage, first: boolean, last: boolean): string {
  const count = endLayer - firstLayer;
  const layers = count === 0 ? [] : [count === 1 ? `${firstLayer}` : `${firstLayer}-${endLayer - 1}`];
  return [...(first ? ["embedding"] : []), ...layers, ...(last ? ["head"] : [])].join(", ");
}

function facts(plan: Plan, { concurrency }: PlanContext): string[] {
  const sequences =
    concurrency === undefined ? "decoding" : `decoding ${concurrency} ${plural(concurrency, "sequence")}`;
  return [
    `Bottleneck: ${plan.bottleneck}`,
    `Predicted:  ${rate(plan.decodeTokensPerSecond)} ${sequences} in ${plan.laneCount} ${plural(plan.laneCount, "lane")}`,
    `Predicted:  ${rate(plan.prefillTokensPerSecond)} prefill`,
    `Predicted:  ${rate(plan.singleTokensPerSecond)} one request alone`,
    ...plan.leftOut.map(({ workerId, reason }) => `Left out:   ${workerId}: ${reason}`),
    ...plan.remarks.map((remark) => `Note:       ${remark}`),
  ];
}

/** Predictions at several numbers of sequences, and what was achieved with as many; empty before that. */
function decoding({ predictions }: Plan | ReplicatedPlan, { achieved = [] }: PlanContext): string[] {
  return predictions.flatMap(({ concurrency, decodeTokensPerSecond }) => {
    const reached = achieved.find((each) => each.concurrency === concurrency)?.tokensPerSecond;
    if (!shownAlways.includes(concurrency) && reached === undefined) return [];
    const beside =
      reached === undefined ? "" : `, achieved ${rate(reached)} (${share(reached, decodeTokensPerSecond)})`;
    return [`Decoding:   ${concurrency} at once ${rate(decodeTokensPerSecond)} predicted${beside}`];
  });
}

const shownAlways = [1, 4, 16];

function milliseconds(timeMs: number): string {
  return timeMs.toFixed(2);
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

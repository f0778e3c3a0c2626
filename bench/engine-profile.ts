/** What one part of the model takes of a run. */
export interface PartTime {
  /** As the graph names it; `between nodes` is what no node accounts for. */
  readonly part: string;
  readonly ms: number;
  readonly nodes: number;
}

/** Where the time of a run goes, by ONNX Runtime's own profile. */
export interface EngineProfile {
  /** Runs that it is the fastest of. */
  readonly runs: number;
  readonly runMs: number;
  /** The largest first. */
  readonly parts: readonly PartTime[];
}

/** An event of ONNX Runtime's profile; times in microseconds. */
interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: {
    readonly op_name?: string;
    readonly output_type_shape?: readonly Record<string, number[]>[];
  };
}

/** The fastest run of `tokens` tokens in a profile that ONNX Runtime wrote: others were disturbed. */
export function readEngineProfile(json: string, tokens: number): EngineProfile {
  const events = JSON.parse(json) as ProfileEvent[];
  const nodes = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
  // The first run of a kind allocates.
  const runs = runsOf(events)
    .map((run) => ({ run, nodes: nodes.filter(({ ts }) => ts >= run.ts && ts < run.ts + run.dur) }))
    .filter(({ nodes: own }) => tokensOf(own) === tokens)
    .slice(1);
  const [fastest] = runs.sort((a, b) => a.run.dur - b.run.dur);
  if (fastest === undefined) return { runs: 0, runMs: 0, parts: [] };
  const parts = new Map<string, { us: number; nodes: number }>();
  let nodesUs = 0;
  for (const { name, dur, args } of fastest.nodes) {
    // An If contains the nodes of its branch.
    if (args?.op_name === "If") continue;
    const part = name.slice(0, Math.max(0, name.indexOf("/"))) || "other";
    const sum = parts.get(part) ?? { us: 0, nodes: 0 };
    parts.set(part, { us: sum.us + dur, nodes: sum.nodes + 1 });
    nodesUs += dur;
  }
  parts.set("between nodes", { us: fastest.run.dur - nodesUs, nodes: 0 });
  return {
    runs: runs.length,
    runMs: fastest.run.dur / 1e3,
    parts: Array.from(parts, ([part, { us, nodes: count }]) => ({ part, ms: us / 1e3, nodes: count })).sort(
      (a, b) => b.ms - a.ms,
    ),
  };
}

function runsOf(events: readonly ProfileEvent[]): ProfileEvent[] {
  return events.filter(({ cat, name }) => cat === "Session" && name === "model_run");
}

/** By the first norm, whose output has a row a token. */
function tokensOf(nodes: readonly ProfileEvent[]): number | undefined {
  const norm = nodes.find(({ name }) => name.startsWith("norm/"));
  return Object.values(norm?.args?.output_type_shape?.[0] ?? {})[0]?.[0];
}

import { Scheduler } from "../../coordinator/scheduler/scheduler.js";
import { CoordinatorWork, totalWorkMs } from "./coordinator-work.js";
import { schedulerFor, simulatedRequest } from "./simulated-requests.js";

/** What one decode step of a batch costs the coordinator. */
export interface StepCost {
  readonly rows: number;
  /** Sequences alive, of which each step carries `rows`. */
  readonly sequences: number;
  /** Median step, microseconds of one core. */
  readonly stepUs: number;
  readonly rowUs: number;
}

/** Rows that are timed at each size, in as many steps as that takes; as many more come before, uncounted. */
const rowsTimed = 65_536;
const fewestSteps = 16;
const sizes = { promptTokens: 1, outputTokens: 8192 };

/** Times decode steps of so many rows in one lane, every sequence in every step. */
export function stepCosts(rowCounts: readonly number[]): StepCost[] {
  return rowCounts.map((rows) => stepCost(rows, 1));
}

/** Times decode steps of so many rows while `lanes` times as many sequences live. */
export function stepCost(rows: number, lanes: number): StepCost {
  const sequences = rows * lanes;
  const work = new CoordinatorWork(new Scheduler(schedulerFor(sequences, sizes, lanes, rows)));
  for (let index = 0; index < sequences; index++) work.add(simulatedRequest(index, sizes));
  const steps = Math.max(fewestSteps, Math.ceil(rowsTimed / rows));
  const costsUs: number[] = [];
  for (let step = 0; step < 2 * steps + lanes; step++) {
    const beforeMs = totalWorkMs(work.times);
    const batch = work.next(step % lanes);
    if (batch === undefined) continue;
    work.complete(
      batch,
      batch.slices.map(({ sequenceId }) => ({ sequenceId, tokenId: 1 })),
    );
    if (step >= steps + lanes) costsUs.push((totalWorkMs(work.times) - beforeMs) * 1000);
  }
  const stepUs = costsUs.sort((a, b) => a - b)[Math.floor(costsUs.length / 2)] ?? Number.NaN;
  return { rows, sequences, stepUs, rowUs: stepUs / rows };
}

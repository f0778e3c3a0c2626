import { readMachine } from "../machine.js";
import { atOnce } from "./at-once.js";
import { coordinatorCost } from "./coordinator-cost.js";
import { interference } from "./interference.js";
import { mixedLengths } from "./mixed-lengths.js";
import { oneRequest } from "./one-request.js";
import { longPromptAlone, prefill } from "./prefill.js";
import { prefixCache } from "./prefix-cache.js";
import { saturation, simulatedSaturation } from "./saturation.js";
import type { Scenario, ScenarioResult, SuiteContext } from "./scenario.js";

/** Every comparison, in the order of the report. */
export const scenarios: readonly Scenario[] = [
  atOnce({ requests: 16, decodeTarget: 1.7, wholeTarget: 2 }),
  atOnce({ requests: 32, decodeTarget: 2.2, hopTargetMs: 0.3 }),
  oneRequest,
  prefill,
  longPromptAlone,
  saturation,
  simulatedSaturation,
  prefixCache,
  interference,
  mixedLengths,
  coordinatorCost,
];

/** Runs scenarios one after another; `onResult` hears each as soon as it is there. */
export async function runSuite(
  chosen: readonly Scenario[],
  context: SuiteContext,
  onResult: (result: ScenarioResult) => Promise<void>,
): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  for (const scenario of chosen) {
    const { name, title } = scenario;
    context.onProgress(`${name}: ${title}`);
    const machineBefore = await readMachine();
    const result = { name, title, machineBefore, ...(await scenario.run(context)) };
    results.push(result);
    await onResult(result);
  }
  return results;
}

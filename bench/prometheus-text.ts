import { StagecoachError } from "../common/errors.js";

/**
 * The value of a metric in Prometheus's text form, the sum of its series.
 * @throws StagecoachError NOT_FOUND for a metric that is not there
 */
export function metricValue(text: string, name: string): number {
  const values = text
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
  if (values.length === 0) throw new StagecoachError("NOT_FOUND", `the coordinator tells no metric ${name}`);
  return values.reduce((sum, value) => sum + value, 0);
}

import { StagecoachError } from "../common/errors.js";

/**
 * The value of a metric in Prometheus's text form, the sum of its series that have all of the labels.
 * @throws StagecoachError NOT_FOUND for a metric that is not there
 */
export function metricValue(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const values = text
    .split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => wanted.every((label) => line.includes(label)))
    .map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
  if (values.length === 0) throw new StagecoachError("NOT_FOUND", `the coordinator tells no metric ${name}`);
  return values.reduce((sum, value) => sum + value, 0);
}

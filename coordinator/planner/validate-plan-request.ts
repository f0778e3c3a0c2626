import { StagecoachError } from "../../common/errors.js";
import type { LinearTime, PlanRequest } from "./types.js";

/** More than this would not be a pipeline, and the search would take minutes. */
const mostWorkers = 256;

/**
 * @throws StagecoachError INVALID_ARGUMENT naming the value, FAILED_PRECONDITION when there are too few workers.
 */
export function validatePlanRequest({
  model,
  workers,
  links,
  concurrency,
  kvTokens,
  stages,
}: PlanRequest): void {
  wholeNumber("concurrency", concurrency, 1);
  wholeNumber("kvTokens", kvTokens, 0);
  wholeNumber("layerCount", model.layerCount, 1);
  if (model.layerBytes.length !== model.layerCount) {
    throw invalid(`the model has ${model.layerCount} layers and sizes of ${model.layerBytes.length}`);
  }
  if (workers.length === 0) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      "there are no workers to plan for: start one, then try again",
    );
  }
  if (workers.length > mostWorkers) {
    throw invalid(`${workers.length} workers are more than the ${mostWorkers} that one pipeline may have`);
  }
  const names = new Set<string>();
  for (const worker of workers) {
    if (worker.workerId === "") throw invalid("a worker has an empty id");
    if (names.has(worker.workerId)) throw invalid(`worker id "${worker.workerId}" is given twice`);
    names.add(worker.workerId);
    for (const name of ["layerDecode", "layerPrefill", "embedding", "head"] as const) {
      validateTime(worker[name], `${name} of worker "${worker.workerId}"`);
    }
    if (worker.stage !== undefined) validateTime(worker.stage, `stage of worker "${worker.workerId}"`);
    for (const { name, layerBytes } of worker.weights ?? []) {
      if (layerBytes.length === model.layerCount) continue;
      throw invalid(
        `worker "${worker.workerId}" gives sizes of ${layerBytes.length} layers as ${name}; the model has ${model.layerCount}`,
      );
    }
    atLeast(0, worker.freeMemoryBytes, `freeMemoryBytes of worker "${worker.workerId}"`);
  }
  for (const { from, to, roundTripMs, bytesPerSecond } of links) {
    atLeast(0, roundTripMs, `roundTripMs from "${from}" to "${to}"`);
    atLeast(1, bytesPerSecond, `bytesPerSecond from "${from}" to "${to}"`);
  }
  if (stages !== undefined) validateStages(stages, workers.length, model.layerCount);
}

function validateStages(stages: number, workerCount: number, layerCount: number): void {
  wholeNumber("stages", stages, 1);
  if (stages > layerCount + 1) {
    throw invalid(
      `${stages} stages were asked for, a model of ${layerCount} layers has ${layerCount + 1} at most`,
    );
  }
  if (stages > workerCount) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `${stages} stages were asked for and there are ${workerCount} workers: start ${stages - workerCount} more, or ask for fewer stages`,
    );
  }
}

function validateTime({ alphaMs, betaMs }: LinearTime, name: string): void {
  atLeast(0, alphaMs, `alphaMs of ${name}`);
  atLeast(0, betaMs, `betaMs of ${name}`);
}

function atLeast(least: number, value: number, name: string): void {
  if (!(value >= least && value < Infinity))
    throw invalid(`${name} is ${value}: give a number from ${least} up`);
}

function wholeNumber(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw invalid(`${name} is ${value}: give a whole number from ${least} up`);
  }
}

function invalid(message: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", message);
}

import { StagecoachError } from "../../common/errors.js";
import type { Batching, SchedulerOptions, SequenceRequest } from "./types.js";

/**
 * Refuses what could never run.
 * @throws StagecoachError INVALID_ARGUMENT naming the value and the limit.
 */
export function validateRequest(request: SequenceRequest, options: SchedulerOptions): void {
  const { requestId, promptIds, maxTokens, priority = 0 } = request;
  const { maxContext, blockSize, blockCount } = options;
  if (promptIds.length === 0) {
    throw invalid(`request "${requestId}" has an empty prompt: give at least one token`);
  }
  if (!Number.isInteger(maxTokens) || maxTokens < 1) {
    throw invalid(`request "${requestId}" asks for ${maxTokens} tokens: ask for 1 or more`);
  }
  if (!Number.isInteger(priority) || Math.abs(priority) > 2 ** 31) {
    throw invalid(`request "${requestId}" has priority ${priority}: give a whole number, lower goes first`);
  }
  if (promptIds.length + 1 > maxContext) {
    throw invalid(
      `a prompt of ${promptIds.length} tokens leaves no room for an answer in a context of ${maxContext}: shorten the prompt`,
    );
  }
  const blocks = blocksAtMost(request, options);
  if (blocks > blockCount) {
    throw invalid(
      `a prompt of ${promptIds.length} tokens and up to ${maxTokens} more need ${blocks} KV blocks of ${blockSize} tokens, the pipeline has ${blockCount}: shorten the prompt or ask for fewer tokens`,
    );
  }
}

/** Blocks that a request holds when it has run to its end; the last token sampled never enters KV. */
export function blocksAtMost(
  { promptIds, maxTokens }: SequenceRequest,
  { maxContext, blockSize }: Pick<SchedulerOptions, "maxContext" | "blockSize">,
): number {
  return Math.ceil((Math.min(promptIds.length + maxTokens, maxContext) - 1) / blockSize);
}

const counts = [
  "laneCount",
  "blockSize",
  "blockCount",
  "maxSequences",
  "tokenBudget",
  "maxContext",
  "maxWaiting",
  "maxWaitingTokens",
] as const;

/** A context holds a prompt and an answer; a queue may be forbidden. Everything else starts at 1. */
const leastValues: Readonly<Record<string, number>> = { maxContext: 2, maxWaiting: 0, maxWaitingTokens: 0 };

const batchings: readonly Batching[] = ["continuous", "static"];

/**
 * Refuses limits under which nothing could be scheduled.
 * @throws StagecoachError INVALID_ARGUMENT naming the setting.
 */
export function validateOptions(options: Required<SchedulerOptions>): void {
  for (const name of counts) {
    const value = options[name];
    const least = leastValues[name] ?? 1;
    if (!Number.isInteger(value) || value < least || value > 2 ** 31) {
      throw invalid(`${name} is ${value}: give a whole number from ${least} to ${2 ** 31}`);
    }
  }
  const { targetItlMs, batching } = options;
  if (targetItlMs !== "auto" && !(targetItlMs > 0)) {
    throw invalid(`targetItlMs is ${targetItlMs}: give milliseconds above 0, or auto`);
  }
  if (!batchings.includes(batching)) {
    throw invalid(`batching is ${batching}: give one of ${batchings.join(", ")}`);
  }
}

function invalid(message: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", message);
}

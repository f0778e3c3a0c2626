import { z } from "zod";
import { StagecoachError } from "../common/errors.js";
import { seededRandom } from "./random.js";
import { randomIds, type WorkloadRequest } from "./workload.js";

const maxTokens = 1_000_000;

const line = z.object({
  arrivalMs: z.number().nonnegative(),
  promptTokens: z.number().int().positive().max(maxTokens),
  outputTokens: z.number().int().positive().max(maxTokens),
});

/**
 * Reads a trace of JSON lines, `{"arrivalMs": 120, "promptTokens": 300, "outputTokens": 80}` each, as services
 * publish them; the prompts' tokens are random.
 * @param name what errors call the file
 * @throws StagecoachError INVALID_ARGUMENT naming the first wrong line
 */
export function parseTraceFile(text: string, name: string, vocabularySize: number): WorkloadRequest[] {
  const random = seededRandom(1);
  const requests = text
    .split("\n")
    .map((content, index) => ({ content, number: index + 1 }))
    .filter(({ content }) => content.trim() !== "")
    .map(({ content, number }) => {
      const { arrivalMs, promptTokens, outputTokens } = parseLine(content, `line ${number} of ${name}`);
      return { arrivalMs, promptIds: randomIds(promptTokens, vocabularySize, random), outputTokens };
    });
  if (requests.length === 0) throw new StagecoachError("INVALID_ARGUMENT", `${name} has no requests`);
  return requests.sort((a, b) => a.arrivalMs - b.arrivalMs);
}

function parseLine(content: string, place: string): z.infer<typeof line> {
  try {
    return line.parse(JSON.parse(content));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    const reason =
      issue === undefined ? StagecoachError.from(cause).message : `${issue.path.join(".")}: ${issue.message}`;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${place} is no request: ${reason}; give {"arrivalMs": 0, "promptTokens": 128, "outputTokens": 64}`,
      { cause },
    );
  }
}

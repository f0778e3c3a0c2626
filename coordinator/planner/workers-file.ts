import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import type { PlanRequest } from "./types.js";

const line = { alphaMs: z.number().nonnegative(), betaMs: z.number().nonnegative() };
const point = z.strictObject({ rows: z.number().positive(), ms: z.number().nonnegative() });
const time = z.strictObject({ ...line, points: z.array(point).exactOptional() });

const heldWeights = z.strictObject({
  name: z.string().min(1),
  embeddingBytes: z.number().nonnegative(),
  layerBytes: z.array(z.number().nonnegative()),
  headBytes: z.number().nonnegative(),
  kvTokens: z.number().nonnegative(),
});

const worker = z.strictObject({
  workerId: z.string().min(1),
  device: z.string().default("cpu"),
  layerDecode: time,
  layerPrefill: time,
  embedding: time,
  head: time,
  stage: time.exactOptional(),
  attention: z
    .strictObject({ msPerToken: z.number().nonnegative(), measuredAtTokens: z.number().nonnegative() })
    .exactOptional(),
  freeMemoryBytes: z.number().positive(),
  kvBytesPerTokenLayer: z.number().positive().exactOptional(),
  weights: z.array(heldWeights).min(1).exactOptional(),
  deviceId: z.string().min(1).exactOptional(),
});

const link = z.strictObject({
  from: z.string(),
  to: z.string(),
  roundTripMs: z.number().nonnegative(),
  bytesPerSecond: z.number().positive(),
});

const workersFile = z.strictObject({
  workers: z.array(worker).min(1).max(256),
  links: z.array(link).max(70_000).default([]),
  concurrency: z.number().int().positive().default(16),
  kvTokens: z.number().int().nonnegative().default(16_384),
  contextTokens: z.number().int().nonnegative().exactOptional(),
  promptTokensPerToken: z.number().nonnegative().exactOptional(),
  chunkTokens: z.number().int().positive().exactOptional(),
});

/** What a file of described workers gives to a plan. */
export type WorkersFile = Pick<
  PlanRequest,
  "workers" | "links" | "concurrency" | "kvTokens" | "contextTokens" | "promptTokensPerToken" | "chunkTokens"
>;

/**
 * Reads workers described as JSON, for planning without a cluster:
 * `{ workers: [{ workerId, device?, layerDecode, layerPrefill, embedding, head, stage?, attention?,
 * freeMemoryBytes, kvBytesPerTokenLayer?, weights?, deviceId? }], links?: [{ from, to, roundTripMs, bytesPerSecond }],
 * concurrency?, kvTokens?, contextTokens?, promptTokensPerToken?, chunkTokens? }`; a time is `{ alphaMs, betaMs, points?: [{ rows, ms }] }`, attention
 * `{ msPerToken, measuredAtTokens }`, the coordinator's end of a link is `""`. Defaults: device cpu, no links (all hops free),
 * 16 sequences, KV for 16,384 tokens.
 * @param name what errors call the file
 * @throws StagecoachError INVALID_ARGUMENT naming the first wrong place and its value.
 */
export function parseWorkersFile(text: string, name: string): WorkersFile {
  const document = parseJson(text, name);
  const parsed = workersFile.safeParse(document);
  if (!parsed.success) throw invalid(name, describe(parsed.error.issues[0], document), parsed.error);
  const known = new Set(["", ...parsed.data.workers.map((each) => each.workerId)]);
  for (const [index, { from, to }] of parsed.data.links.entries()) {
    for (const [end, workerId] of Object.entries({ from, to })) {
      if (known.has(workerId)) continue;
      throw invalid(name, `links[${index}].${end} is "${workerId}", which is none of the workers`);
    }
  }
  return parsed.data;
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(name, `it is not JSON: ${StagecoachError.from(cause).message}`, cause);
  }
}

function describe(issue: z.core.$ZodIssue | undefined, document: unknown): string {
  if (issue === undefined) return "it does not describe workers";
  const path = issue.path.map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  const value: unknown = issue.path.reduce<unknown>(
    (inside, key) => (typeof inside === "object" && inside !== null ? Reflect.get(inside, key) : undefined),
    document,
  );
  const place = path === "" ? "the document" : path.replace(/^\./, "");
  return `${place} is ${shown(value)}: ${issue.message}`;
}

/** Values are shown short, for the whole document may be one. */
function shown(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function invalid(name: string, reason: string, cause?: unknown): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", `${name} does not describe workers: ${reason}`, { cause });
}

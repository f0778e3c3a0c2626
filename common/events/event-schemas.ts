import { z } from "zod";

const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);
const milliseconds = z.number().nonnegative();
const at = z.iso.datetime().describe("When it was published, UTC.");
const workerId = z.string().describe("The worker's name, as it stands in the plan.");
const incarnation = z.string().describe("New at every start of the worker's process.");
const stageIndex = count.optional().describe("Place of its stage in the pipeline; absent without a stage.");
const epoch = count.describe("Incarnation of the pipeline; grows with every new plan.");
const stageRange = {
  firstLayer: count.describe("First layer of the stage."),
  endLayer: count.describe("Layer after its last one."),
};

const health = z
  .object({
    at,
    workerId,
    incarnation,
    stageIndex,
    epoch,
    ...stageRange,
    state: z.enum(["IDLE", "LOADING", "READY", "FAILED"]),
    error: z.string().optional().describe("Why it failed; only with FAILED."),
    blocksUsed: count.describe("KV blocks in use."),
    blocksTotal: count.describe("KV blocks that the stage holds."),
    sequences: count.describe("Sequences with KV at the stage."),
    busyShare: share.describe("Share of the time since the last event spent computing."),
    waitInShare: share.describe("Share spent waiting for a frame to compute: the bubble."),
    waitOutShare: share.describe("Share spent waiting for the next stage to take a frame."),
    sendShare: share.describe("Share spent encoding and sending frames."),
    steps: count.describe("Micro-batches computed since the stage was loaded."),
    tokens: count.describe("Tokens computed since the stage was loaded."),
    weightBytes: count.describe("Weights that the stage maps or holds."),
    weights: z
      .string()
      .optional()
      .describe("The form in which a GPU holds them: f16 or packed; absent elsewhere."),
    residentBytes: count.describe("Resident memory of the worker's process."),
    freeMemoryBytes: count.describe("Memory of the machine that is still free."),
    hopP50Us: z.number().nonnegative().describe("Median time of the hop into the stage, microseconds."),
    hopP99Us: z.number().nonnegative().describe("99th percentile of the same."),
    temperatureCelsius: z.number().optional().describe("Of the device, where it can be read."),
  })
  .describe(
    "A worker's health, every second. The four shares sum to 1, or are all 0 before any time was counted.",
  );

const state = z
  .discriminatedUnion("scope", [
    z.object({
      scope: z.literal("cluster"),
      at,
      epoch,
      state: z.enum(["WAITING_FOR_WORKERS", "MEASURING", "LOADING", "SERVING", "FAILED", "STOPPING"]),
      detail: z.string().describe("One sentence for an operator."),
    }),
    z.object({
      scope: z.literal("worker"),
      at,
      epoch,
      workerId,
      incarnation,
      stageIndex,
      state: z.enum(["JOINED", "IDLE", "LOADING", "READY", "FAILED", "LEFT"]),
      detail: z.string().describe("One sentence for an operator; may be empty."),
    }),
  ])
  .describe("A change of state, of the cluster (id `cluster`) or of one worker (id: the worker's).");

const replica = count
  .optional()
  .describe("Which of several pipelines side by side; absent where there is only one.");

const plan = z
  .object({
    at,
    epoch,
    replica,
    model: z.string(),
    variant: z.string(),
    laneCount: count.describe("Micro-batches that circle at once."),
    bottleneck: z.string().describe("What limits throughput, in words."),
    decodeTokensPerSecond: z.number().nonnegative().describe("Predicted, all sequences together."),
    prefillTokensPerSecond: z.number().nonnegative().describe("Predicted."),
    singleTokensPerSecond: z.number().nonnegative().describe("Predicted for one request alone."),
    predictions: z
      .array(z.object({ concurrency: count, decodeTokensPerSecond: z.number().nonnegative() }))
      .optional()
      .describe("Predicted at other numbers of sequences."),
    stages: z.array(
      z.object({
        workerId,
        ...stageRange,
        decodeMs: milliseconds.describe("Predicted time of a decoding micro-batch."),
        prefillMs: milliseconds.describe("Predicted time of a 128-token prefill chunk."),
        hopMs: milliseconds.describe("Predicted time of the hop to the next stage."),
        weightBytes: count,
        weights: z.string().optional().describe("Their form on the device, where it chooses."),
        kvBytes: count,
      }),
    ),
    leftOut: z.array(z.object({ workerId, reason: z.string() })),
    remarks: z.array(z.string()),
  })
  .describe("A plan that the coordinator made and is about to load. The id is its epoch.");

const epochEvent = z
  .object({
    at,
    epoch,
    replica,
    reason: z.string().describe("Why there is a new epoch, for an operator."),
    laneCount: count,
    blockCount: count.describe("KV blocks of the pipeline: the smallest stage's."),
    blockSize: count.describe("Tokens a block."),
    stages: z.array(z.object({ workerId, incarnation, ...stageRange })),
  })
  .describe("A pipeline that has been loaded and serves from now on. The id is its epoch.");

const request = z
  .object({
    at,
    requestId: z.string(),
    model: z.string(),
    finishReason: z.enum(["stop", "length", "cancelled", "error"]),
    errorCode: z.string().optional().describe("gRPC's canonical code; only with error."),
    promptTokens: count,
    completionTokens: count,
    cachedTokens: count.describe("Prompt tokens taken from the prefix cache."),
    ttftMs: milliseconds.optional().describe("Time to the first token; absent when none came."),
    durationMs: milliseconds.describe("From arrival to the end."),
  })
  .describe("How a request ended. Neither prompt nor output is ever published. The id is the request's.");

/** What each kind of event carries; docs/events/ has the same as JSON Schema. */
export const eventSchemas = { health, state, plan, epoch: epochEvent, request };

/** The third token of an event's subject. */
export type EventKind = keyof typeof eventSchemas;

/** Every kind, in the order of the documentation. */
export const eventKinds = Object.keys(eventSchemas) as readonly EventKind[];

/** An event's content as it is received. */
export type EventPayload<Kind extends EventKind = EventKind> = z.infer<(typeof eventSchemas)[Kind]>;

/** What a publisher is given; the time is added when it is sent. */
export type EventBody<Kind extends EventKind> = WithoutTime<EventPayload<Kind>>;

/** Omit over each member of a union, which plain Omit would merge. */
type WithoutTime<Payload> = Payload extends unknown ? Omit<Payload, "at"> : never;

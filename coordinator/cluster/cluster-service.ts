import { AsyncQueue } from "../../common/async-queue.js";
import { StagecoachError } from "../../common/errors.js";
import {
  bidiHandler,
  type CallContext,
  serverStreamHandler,
  unaryHandler,
} from "../../common/grpc-handlers.js";
import type { GrpcService } from "../../common/grpc-server.js";
import { oneof, v1 } from "../../common/proto.js";
import { readBlobChunks } from "../../model/store/fetch-blob.js";
import type { ModelStore } from "../../model/store/model-store.js";
import type { BlobChunk } from "../../proto/gen/stagecoach/v1/BlobChunk.js";
import type { ClusterHandlers } from "../../proto/gen/stagecoach/v1/Cluster.js";
import type { ClusterStatus } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { CoordinatorMessage } from "../../proto/gen/stagecoach/v1/CoordinatorMessage.js";
import type { GetBlobRequest__Output } from "../../proto/gen/stagecoach/v1/GetBlobRequest.js";
import type { WorkerMessage__Output } from "../../proto/gen/stagecoach/v1/WorkerMessage.js";
import { planToJson } from "../planner/render-plan.js";
import { clusterStatus, type StatusSources } from "./cluster-status.js";
import type { Member } from "./worker-registry.js";

/** What the Cluster service answers from. */
export interface ClusterServiceOptions {
  readonly sources: StatusSources;
  readonly store: ModelStore;
  /** Sent to workers, so that they publish their own health; empty without events. */
  readonly natsUrl: string;
}

/** The Cluster service of stagecoach.v1: membership, blobs, status, plan. */
export function clusterService(options: ClusterServiceOptions): GrpcService {
  const { sources, store } = options;
  const implementation: ClusterHandlers = {
    Join: bidiHandler((messages: AsyncIterable<WorkerMessage__Output>, context) =>
      join(options, messages, context),
    ),
    GetBlob: serverStreamHandler((request: GetBlobRequest__Output) => blobChunks(store, request)),
    Status: unaryHandler(() => clusterStatus(sources)),
    Watch: serverStreamHandler(({ intervalMs }: { intervalMs: number }, context) =>
      watch(sources, intervalMs, context.signal),
    ),
    Plan: unaryHandler(({ stages }: { stages: number }) => {
      const plan = sources.replicas.planWith(stages > 0 ? { stages } : {});
      return { planJson: Buffer.from(JSON.stringify(planToJson(plan))) };
    }),
    Drain: unaryHandler(({ workerId }: { workerId: string }) => {
      throw new StagecoachError(
        "UNIMPLEMENTED",
        `worker "${workerId}" cannot be drained: this version cannot move layers while it serves; stop the worker instead`,
      );
    }),
  };
  return { definition: v1.Cluster.service, implementation };
}

/** A worker's stay: taken in by its Hello, out when the stream ends. */
async function* join(
  { sources, natsUrl }: ClusterServiceOptions,
  messages: AsyncIterable<WorkerMessage__Output>,
  { signal }: CallContext,
): AsyncGenerator<CoordinatorMessage> {
  const { registry, cluster } = sources;
  const outgoing = new AsyncQueue<CoordinatorMessage>();
  let member: Member | undefined;
  const read = async (): Promise<void> => {
    for await (const message of messages) {
      const payload = oneof(message, "payload");
      if (payload?.kind === "hello") {
        member = registry.join(payload.value, (reply) => outgoing.push(reply));
        member.send({ welcome: { cluster, heartbeatIntervalMs: registry.heartbeatIntervalMs, natsUrl } });
      } else if (payload?.kind === "heartbeat") {
        if (member === undefined) {
          throw new StagecoachError(
            "FAILED_PRECONDITION",
            "a worker must say Hello before its first heartbeat",
          );
        }
        registry.heartbeat(member, payload.value);
      }
    }
  };
  read().then(
    () => outgoing.end(),
    (reason: unknown) => outgoing.fail(reason),
  );
  try {
    yield* outgoing;
  } finally {
    if (member !== undefined)
      registry.leave(member, signal.aborted ? "its connection broke" : "it said goodbye");
  }
}

async function* blobChunks(
  store: ModelStore,
  { sha256, offsetBytes }: GetBlobRequest__Output,
): AsyncGenerator<BlobChunk> {
  const totalBytes = await store.blobSize(sha256);
  for await (const data of readBlobChunks(store, sha256, offsetBytes))
    yield { totalBytes, data: Buffer.from(data) };
}

/** Milliseconds between two messages of a watch, unless asked otherwise. */
const usualIntervalMs = 1000;

/** Now, at every change of state, and once an interval. */
async function* watch(
  sources: StatusSources,
  intervalMs: number,
  signal: AbortSignal,
): AsyncGenerator<ClusterStatus> {
  if (intervalMs !== 0 && (intervalMs < 100 || intervalMs > 60_000)) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `interval_ms is ${intervalMs}: give 100 to 60000, or 0 for ${usualIntervalMs}`,
    );
  }
  while (!signal.aborted) {
    yield clusterStatus(sources);
    await sources.replicas.changed(intervalMs || usualIntervalMs, signal);
  }
}

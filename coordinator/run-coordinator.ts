import { EventLoopWatch } from "../common/event-loop-watch.js";
import { connectEvents } from "../common/events/connect-events.js";
import { startGrpc } from "../common/grpc-server.js";
import type { Home } from "../common/home.js";
import { createLogger, type Logger, type LogOptions } from "../common/log.js";
import { createMetrics, type Metrics } from "../common/metrics.js";
import { createChatRenderer } from "../model/chat/render-chat.js";
import { ensureModel, namesVariant, outlineModel } from "../model/pull/ensure-model.js";
import { progressLines } from "../model/pull/model-progress.js";
import type { Manifest } from "../model/store/manifest.js";
import { type ModelStore, openStore } from "../model/store/model-store.js";
import { createTokenizer } from "../model/tokenizer/tokenizer.js";
import { clusterService } from "./cluster/cluster-service.js";
import { publishClusterEvents, publishRequestEnd } from "./cluster/publish-events.js";
import { RateWindow } from "./cluster/rate-window.js";
import { metricsObserver, recordClusterMetrics } from "./cluster/record-metrics.js";
import { ReplicaSet } from "./cluster/replica-set.js";
import type { Routing } from "./cluster/routing/request-router.js";
import { type EnsureVariant, ServedModel } from "./cluster/served-model.js";
import type { ClusterLimits } from "./cluster/session-settings.js";
import { WorkerRegistry } from "./cluster/worker-registry.js";
import { ensureModelInThread } from "./ensure-model-in-thread.js";
import { inferenceService } from "./gateway/grpc-inference.js";
import { startHttp } from "./gateway/http-server.js";
import { createInference, type Inference } from "./inference/inference.js";
import type { WantedActivationDtype } from "./pipeline/activation-dtype.js";
import type { PipelineObserver } from "./pipeline/pipeline.js";

/** Everything a coordinator is told; complete, see common/config-settings.ts for what each means. */
export interface CoordinatorOptions {
  readonly home: Home;
  readonly model: string;
  readonly variant: "auto" | "as-is" | "f32" | "f16" | "int8" | "int4";
  /** When the variant `auto` is settled: at the start, or by the workers of the first plan. Defaults to "start". */
  readonly variantBy?: "start" | "workers";
  readonly activationDtype: WantedActivationDtype;
  /** host:port; port 0 takes a free one. */
  readonly http: string;
  readonly grpc: string;
  /** Absent: no events. */
  readonly natsUrl?: string | undefined;
  readonly cluster: string;
  /** Exactly so many stages; absent lets the planner choose. */
  readonly stages?: number | undefined;
  /** Pipelines of the model side by side. */
  readonly replicas: number;
  readonly routing: Routing;
  readonly expectedWorkers: number;
  readonly maxNumSeqs: number;
  readonly maxBatchTokens: number | "auto";
  readonly maxWaiting: number;
  readonly maxWaitingTokens: number;
  readonly prefixCache: boolean;
  readonly targetItlMs: number | "auto";
  readonly batching: "continuous" | "static";
  /** Absent: the model's own, up to a limit that keeps a row of KV affordable. */
  readonly maxContext?: number | undefined;
  /** Tokens of a KV block; auto asks the devices. */
  readonly blockSize: number | "auto";
  readonly logLevel: NonNullable<LogOptions["level"]>;
  /** Hears what start-up is doing, a sentence at a time. */
  readonly onProgress?: (line: string) => void;
}

/** A coordinator that answers; it serves once its workers are ready. */
export interface RunningCoordinator {
  readonly httpAddress: string;
  readonly grpcAddress: string;
  /** Settles when it no longer tries to serve. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

/** Longest context that is served unless told otherwise, tokens. */
const defaultMaxContext = 32_768;

/** How long running requests may go on when the coordinator is asked to end. */
const graceMs = 3_000;

/**
 * Starts a coordinator: gets the model ready in the store, then answers on gRPC and HTTP, and brings up a
 * pipeline from the workers that join.
 * @throws StagecoachError what getting the model failed with; FAILED_PRECONDITION for an occupied port
 */
export async function runCoordinator(options: CoordinatorOptions): Promise<RunningCoordinator> {
  const { home, cluster, natsUrl = "" } = options;
  const log = createLogger({ name: "coordinator", level: options.logLevel });
  const model = await servedModel(options, log);
  const { manifest } = model;
  const store = openStore(home);
  const limits = limitsOf(options, manifest);
  const eventLoop = new EventLoopWatch();
  const metrics = createMetrics({ modelName: manifest.model, eventLoop: () => eventLoop.use });
  const publisher = connectEvents({ url: natsUrl, cluster, log });
  const registry = new WorkerRegistry({ inFlightMs: (workerId) => replicas.inFlightMs(workerId) });
  const rates = { generated: new RateWindow(), prompted: new RateWindow() };
  const observers: PipelineObserver[] = [metricsObserver(metrics), rateObserver(rates)];
  const replicas: ReplicaSet = new ReplicaSet({
    registry,
    replicas: options.replicas,
    routing: options.routing,
    model,
    limits,
    blobAddress: () => grpc.address,
    expectedWorkers: options.expectedWorkers,
    ...(options.stages !== undefined && { stages: options.stages }),
    concurrency: options.maxNumSeqs,
    log,
    observers,
  });
  const eventSources = { publisher, model, registry, replicas };
  publishClusterEvents(eventSources);
  replicas.observe({ onRequestEnd: (end) => publishRequestEnd(eventSources, end) });
  recordClusterMetrics(metrics, registry, replicas);

  const inference = await inferenceOf(store, model, replicas, metrics);
  const sources = {
    cluster,
    model,
    registry,
    replicas,
    ...rates,
    events: () => publisher.status,
    startedAtMs: Date.now(),
  };
  const services = [inferenceService(inference), clusterService({ sources, store, natsUrl })];
  const grpc = await startGrpc({ services, listen: options.grpc, option: "--grpc", log });
  const status = () => ({ serving: replicas.ready, detail: replicas.state.detail });
  const http = await startHttp({ inference, status, log, metrics, listen: options.http }).catch(
    async (reason: unknown) => {
      await Promise.all([grpc.close(0), publisher.close()]);
      throw reason;
    },
  );
  replicas.on("state", () => grpc.setServing(replicas.state.kind === "serving"));
  const expiry = setInterval(() => registry.expire(), registry.heartbeatIntervalMs);

  const ended = replicas.run();
  const close = async (): Promise<void> => {
    // No new requests over HTTP, and a while for those that run.
    await Promise.all([http.close(graceMs), replicas.idle(graceMs)]);
    clearInterval(expiry);
    eventLoop.close();
    replicas.stop();
    await ended;
    // What is left are the workers' stays and whoever watches.
    await grpc.close(0);
    await publisher.close();
  };
  let closing: Promise<void> | undefined;
  return {
    httpAddress: http.address,
    grpcAddress: grpc.address,
    closed: ended,
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Ready in the store where its variant is given or is not to wait; otherwise as far as it goes without one. */
async function servedModel(options: CoordinatorOptions, log: Logger): Promise<ServedModel> {
  const { home, model: nameOrPath, variant, activationDtype, onProgress = () => undefined } = options;
  const wanted = { home, nameOrPath, variant, onProgress: progressLines(onProgress) };
  if (options.variantBy !== "workers" || variant !== "auto" || (await namesVariant(wanted))) {
    return new ServedModel({ manifest: await ensureModel(wanted), activationDtype, log });
  }
  const manifest = await outlineModel(wanted);
  onProgress("takes the variant that suits the workers, when they have joined: f16 with a GPU, int8 without");
  const ensure: EnsureVariant = (chosen, onLine, signal) =>
    ensureModelInThread(
      { home, nameOrPath, variant: chosen },
      (line) => {
        onProgress(line);
        onLine(line);
      },
      signal,
    );
  return new ServedModel({ manifest, ensure, activationDtype, log });
}

function limitsOf(options: CoordinatorOptions, { config }: Manifest): ClusterLimits {
  return {
    maxSequences: options.maxNumSeqs,
    tokenBudget: options.maxBatchTokens,
    maxContext: Math.min(options.maxContext ?? defaultMaxContext, config.contextLength),
    maxWaiting: options.maxWaiting,
    maxWaitingTokens: options.maxWaitingTokens,
    blockSize: options.blockSize,
    prefixCache: options.prefixCache,
    targetItlMs: options.targetItlMs,
    batching: options.batching,
  };
}

function rateObserver({
  generated,
  prompted,
}: {
  generated: RateWindow;
  prompted: RateWindow;
}): PipelineObserver {
  return {
    onStep: ({ promptTokens, generatedTokens }) => {
      generated.add(generatedTokens, Date.now());
      prompted.add(promptTokens, Date.now());
    },
  };
}

async function inferenceOf(
  store: ModelStore,
  served: ServedModel,
  port: ReplicaSet,
  metrics: Metrics,
): Promise<Inference> {
  const { manifest } = served;
  const spec = await store.readTokenizer(manifest);
  const { vocabularySize } = manifest.config;
  const tokenizer = createTokenizer(spec, vocabularySize);
  const model = {
    id: manifest.model,
    get variant() {
      return served.variant;
    },
    vocabularySize,
    createdUnixSeconds: Math.floor(Date.parse(manifest.packedAt) / 1000),
  };
  return createInference({
    port,
    tokenizer,
    chat: createChatRenderer(spec, manifest.chatTemplate),
    model,
    defaults: manifest.generationDefaults,
    metrics,
  });
}

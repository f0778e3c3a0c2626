import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { EventLoopUse } from "./event-loop-watch.js";

/** How a request ended; vLLM's `finished_reason`. */
export type FinishedReason = "stop" | "length" | "abort" | "error";

/** A stage's time since it was loaded, milliseconds; StageTimes of stage.proto. */
export interface StageTimesMs {
  readonly busyMs: number;
  readonly waitInMs: number;
  readonly waitOutMs: number;
  readonly sendMs: number;
}

/** Everything the coordinator counts. Times go in as seconds, as Prometheus wants them. */
export interface Metrics {
  readonly contentType: string;
  /** The exposition text of `/metrics`. */
  render(): Promise<string>;

  setRequests(running: number, waiting: number): void;
  /** @param share of the pipeline's KV blocks in use, 0 to 1 */
  setKvCacheUsage(share: number): void;
  /** Free KV blocks whose content can still be found. */
  setCachedBlocks(count: number): void;
  /** What each lane has under way; others are gone. `replica` only where there are several pipelines. */
  setLanes(lanes: readonly LaneLoad[]): void;
  countPreemptions(count: number): void;
  /** Prompt tokens looked up in the prefix cache, and how many of them it had. */
  countPrefixCache(queriedTokens: number, hitTokens: number): void;
  /**
   * @param tokens of one micro-batch, prefill and decode
   * @param sentAhead whether it left before all tokens that it goes on from were known
   */
  observeIteration(tokens: number, sentAhead: boolean): void;
  /** From arrival to the first scheduled slice. */
  observeQueueTime(seconds: number): void;

  countPromptTokens(count: number): void;
  countGenerationTokens(count: number): void;
  observeTimeToFirstToken(seconds: number): void;
  observeInterTokenLatency(seconds: number): void;
  /** One request's end. */
  observeRequest(end: RequestEnd): void;

  /** From a heartbeat; a stage that was loaded again starts from zero and is added on. */
  setStageTimes(stage: StageLabels, times: StageTimesMs): void;
  /** @param share of the last ten seconds in which the stage waited while others had work, 0 to 1 */
  setStageBubble(stage: StageLabels, share: number): void;
  /** @param seconds in which a micro-batch was under way, since the start; only grows */
  setInFlight(seconds: number): void;
  /** Of a worker's process; one that started again counts from zero and is added on. */
  setWorkerEventLoop(worker: string, use: EventLoopUse): void;
  /** Time added by the hop into a stage, over its last steps. */
  setStageHop(stage: StageLabels, hop: { p50Seconds: number; p99Seconds: number }): void;
}

/** What a lane has under way. */
export interface LaneLoad {
  readonly lane: number;
  readonly decodeRows: number;
  readonly prefillTokens: number;
  readonly replica?: number;
}

/** Which stage a value is of. */
export interface StageLabels {
  readonly stage: number;
  readonly worker: string;
  /** Only where there are several pipelines. */
  readonly replica?: number;
}

/** What is known of a request when it has ended. */
export interface RequestEnd {
  readonly finishedReason: FinishedReason;
  readonly seconds: number;
  readonly promptTokens: number;
  readonly generationTokens: number;
}

const firstTokenBuckets = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 500];
const betweenTokenBuckets = [
  0.002, 0.004, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1, 0.2, 0.5, 1, 5,
];
const requestBuckets = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800];
const queueBuckets = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300];
const tokenBuckets = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536];

/**
 * The coordinator's metrics. Names are vLLM's with our prefix where the meaning is the same, so that
 * dashboards carry over; the stage times are ours and sum to wall time.
 */
export function createMetrics(options: {
  modelName: string;
  processMetrics?: boolean;
  /** How busy this process's own event loop is, asked for at every rendering. */
  eventLoop?: () => EventLoopUse;
}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ model_name: options.modelName });
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  const make = instruments(registry);

  const running = make.gauge("num_requests_running", "Requests that hold KV blocks");
  const waiting = make.gauge("num_requests_waiting", "Requests that wait to be admitted");
  const kvUsage = make.gauge("kv_cache_usage_perc", "Share of KV blocks in use; 1 is all");
  const cachedBlocks = make.gauge("kv_cache_cached_blocks", "Free KV blocks whose content can be found");
  const laneRows = make.gauge("lane_decode_rows", "Sequences that a lane decodes now", ["lane", "replica"]);
  const laneTokens = make.gauge("lane_prefill_tokens", "Prompt tokens that a lane reads now", [
    "lane",
    "replica",
  ]);
  const preemptions = make.counter("num_preemptions_total", "Sequences set back for want of KV blocks");
  const iterations = make.histogram("iteration_tokens_total", "Tokens a micro-batch", tokenBuckets);
  const sentAhead = make.counter("iterations_sent_ahead_total", "Micro-batches sent ahead of their tokens");
  const queueTime = make.histogram("request_queue_time_seconds", "Arrival to first step", queueBuckets);
  const promptTokens = make.counter("prompt_tokens_total", "Prompt tokens taken in");
  const generationTokens = make.counter("generation_tokens_total", "Tokens generated");
  const firstToken = make.histogram(
    "time_to_first_token_seconds",
    "Arrival to first token",
    firstTokenBuckets,
  );
  const betweenTokens = make.histogram(
    "inter_token_latency_seconds",
    "Between two tokens of a request",
    betweenTokenBuckets,
  );
  const requestTime = make.histogram("e2e_request_latency_seconds", "Arrival to last token", requestBuckets);
  const promptLength = make.histogram("request_prompt_tokens", "Prompt tokens a request", tokenBuckets);
  const outputLength = make.histogram(
    "request_generation_tokens",
    "Generated tokens a request",
    tokenBuckets,
  );
  const ended = make.counter("request_success_total", "Requests ended, by reason", ["finished_reason"]);
  const cacheQueries = make.counter("prefix_cache_queries_total", "Prompt tokens looked up in the cache");
  const cacheHits = make.counter("prefix_cache_hits_total", "Prompt tokens found in the cache");
  const hop = make.gauge("stage_hop_seconds", "Time added by the hop into a stage", [
    "stage",
    "worker",
    "replica",
    "quantile",
  ]);
  const bubble = make.gauge("stage_bubble_share", "Share of ten seconds waited while others had work", [
    "stage",
    "worker",
    "replica",
  ]);
  const inFlight = make.counter("in_flight_seconds_total", "Time with a micro-batch under way");
  let inFlightSeconds = 0;
  const setStageTimes = stageCounters(make);
  const setEventLoop = eventLoopMetrics(make);

  return {
    contentType: registry.contentType,
    render: () => {
      if (options.eventLoop !== undefined) setEventLoop({ process: "coordinator" }, options.eventLoop());
      return registry.metrics();
    },
    setRequests: (runningCount, waitingCount) => {
      running.set(runningCount);
      waiting.set(waitingCount);
    },
    setKvCacheUsage: (share) => kvUsage.set(share),
    setCachedBlocks: (count) => cachedBlocks.set(count),
    setLanes: (lanes) => {
      laneRows.reset();
      laneTokens.reset();
      for (const { lane, decodeRows, prefillTokens, replica } of lanes) {
        const labels = { lane, ...(replica !== undefined && { replica }) };
        laneRows.set(labels, decodeRows);
        laneTokens.set(labels, prefillTokens);
      }
    },
    countPreemptions: (count) => preemptions.inc(count),
    countPrefixCache: (queriedTokens, hitTokens) => {
      cacheQueries.inc(queriedTokens);
      cacheHits.inc(hitTokens);
    },
    observeIteration: (tokens, ahead) => {
      iterations.observe(tokens);
      if (ahead) sentAhead.inc();
    },
    observeQueueTime: (seconds) => queueTime.observe(seconds),
    countPromptTokens: (count) => promptTokens.inc(count),
    countGenerationTokens: (count) => generationTokens.inc(count),
    observeTimeToFirstToken: (seconds) => firstToken.observe(seconds),
    observeInterTokenLatency: (seconds) => betweenTokens.observe(seconds),
    observeRequest: (end) => {
      ended.inc({ finished_reason: end.finishedReason });
      requestTime.observe(end.seconds);
      promptLength.observe(end.promptTokens);
      outputLength.observe(end.generationTokens);
    },
    setStageTimes,
    setStageBubble: (stage, share) => bubble.set({ ...stage }, share),
    setInFlight: (seconds) => {
      inFlight.inc(seconds - inFlightSeconds);
      inFlightSeconds = seconds;
    },
    setWorkerEventLoop: (worker, use) => setEventLoop({ process: "worker", worker }, use),
    setStageHop: (stage, { p50Seconds, p99Seconds }) => {
      hop.set({ ...stage, quantile: "0.5" }, p50Seconds);
      hop.set({ ...stage, quantile: "0.99" }, p99Seconds);
    },
  };
}

type Instruments = ReturnType<typeof instruments>;

function instruments(registry: Registry) {
  const named = (name: string, help: string) => ({ name: `stagecoach_${name}`, help, registers: [registry] });
  return {
    gauge: (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ ...named(name, help), labelNames }),
    counter: (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ ...named(name, help), labelNames }),
    histogram: (name: string, help: string, buckets: number[]) =>
      new Histogram({ ...named(name, help), buckets }),
  };
}

const stageTimeKeys = ["busyMs", "waitInMs", "waitOutMs", "sendMs"] as const;

function stageCounters(make: Instruments): Metrics["setStageTimes"] {
  const labels = ["stage", "worker", "replica"];
  const counters = {
    busyMs: make.counter("stage_busy_seconds_total", "Time a stage computed", labels),
    waitInMs: make.counter("stage_wait_in_seconds_total", "Time a stage waited for a micro-batch", labels),
    waitOutMs: make.counter("stage_wait_out_seconds_total", "Time a stage waited for the next one", labels),
    sendMs: make.counter("stage_send_seconds_total", "Time a stage packed and wrote frames", labels),
  };
  const last = new Map<string, StageTimesMs>();
  return (stage, times) => {
    const key = `${stage.replica ?? 0} ${stage.stage} ${stage.worker}`;
    const before = last.get(key);
    const restarted = before === undefined || stageTimeKeys.some((name) => times[name] < before[name]);
    for (const name of stageTimeKeys) {
      const addedMs = restarted ? times[name] : times[name] - before[name];
      counters[name].inc({ ...stage }, addedMs / 1000);
    }
    last.set(key, { ...times });
  };
}

function eventLoopMetrics(
  make: Instruments,
): (labels: { process: string; worker?: string }, use: EventLoopUse) => void {
  const labelNames = ["process", "worker"];
  const share = make.gauge(
    "event_loop_utilization",
    "Share of the last second in which the event loop did not wait",
    labelNames,
  );
  const active = make.counter(
    "event_loop_active_seconds_total",
    "Time in which the event loop did not wait",
    labelNames,
  );
  const last = new Map<string, number>();
  return (labels, { utilization, activeMs }) => {
    const key = `${labels.process} ${labels.worker ?? ""}`;
    const before = last.get(key) ?? 0;
    share.set(labels, utilization);
    active.inc(labels, (activeMs >= before ? activeMs - before : activeMs) / 1000);
    last.set(key, activeMs);
  };
}

import {
  byteSize,
  decimalNumber,
  type Kind,
  listenAddress,
  oneOf,
  onOff,
  peerAddress,
  textLike,
  wholeNumber,
  wordOr,
} from "./config-kinds.js";

/** One setting. Its flag, variable and key in the file are all made from its name; see config-names.ts. */
export interface Setting<Value, Default extends Value | undefined> {
  readonly kind: Kind<Value>;
  /** One sentence for the help: what it does and its consequence. */
  readonly doc: string;
  readonly default: Default;
  /** Shown in the help where the default is worked out at run time. */
  readonly defaultText?: string;
}

const maxBytes = 2 ** 50;

/** Every setting there is. The key is the name in `stagecoach.config.json`. */
export const settings = {
  home: optional(
    textLike("DIR", "the path of a folder", /./),
    "folder with models, blobs and state",
    "~/.stagecoach",
  ),
  logLevel: required(
    oneOf(["debug", "info", "warn", "error", "silent"]),
    "info",
    "least severe lines to log, as JSON on stderr; the processes that `up` starts log to files in its home",
  ),
  cluster: required(
    textLike("NAME", "up to 63 letters, digits, - and _", /^[A-Za-z0-9_-]{1,63}$/),
    "local",
    "name of the cluster, part of every NATS subject",
  ),
  model: required(
    textLike(
      "NAME",
      "a name that `stagecoach list` shows, the path of a GGUF file or safetensors folder, or a repository such as org/name:Q4_K_M",
      /./,
    ),
    "smollm2-135m-instruct",
    "model to serve: a name, a path, or a repository on the Hugging Face hub",
  ),
  variant: required(
    oneOf(["auto", "as-is", "f32", "f16", "int8", "int4"]),
    "auto",
    "form of the weights; auto takes the fastest that stays close to the original",
  ),
  activationDtype: required(
    oneOf(["auto", "f32", "f16", "bf16", "int8"]),
    "auto",
    "how hidden states travel between stages; auto takes f16, and f32 where the weights are f32 too",
  ),
  http: required(listenAddress(), "127.0.0.1:8080", "where HTTP listens"),
  grpc: required(listenAddress(), "127.0.0.1:7070", "where gRPC listens, for workers and clients"),
  nats: required(
    textLike(
      "auto|off|URL",
      "auto, off, or a URL such as nats://127.0.0.1:4222",
      /^(auto|off|(nats|tls|ws|wss):\/\/\S+)$/,
    ),
    "auto",
    "where events go; auto starts nats-server with `up` where it is installed, otherwise there are none",
  ),
  stages: optional(
    wholeNumber(1, 256),
    "stages that the model is cut into; `up` starts so many workers a replica",
    "2 for `up`, otherwise the planner chooses",
  ),
  replicas: required(
    wholeNumber(1, 64),
    1,
    "pipelines of the model side by side, each with `--stages` stages and limits of its own",
  ),
  routing: required(
    oneOf(["round-robin", "least-connections", "prefix"]),
    "prefix",
    "which replica takes a request; prefix is the one that has read the beginning of its prompt, unless it has much more to do",
  ),
  expectedWorkers: required(
    wholeNumber(1, 256),
    1,
    "workers that must have joined before the coordinator plans and loads",
  ),
  maxNumSeqs: required(
    wholeNumber(1, 4096),
    32,
    "sequences computed at once; each reserves room for its KV cache",
  ),
  maxBatchTokens: required(
    wordOr("auto", wholeNumber(16, 65_536)),
    "auto",
    "tokens of a micro-batch; longer prompts travel in chunks; auto takes 2048 where one CUDA GPU has the whole model, otherwise 512",
  ),
  maxWaiting: required(
    wholeNumber(0, 1_000_000),
    512,
    "requests that may wait; one more is refused as overload",
  ),
  maxWaitingTokens: required(
    wholeNumber(0, 1_000_000),
    256,
    "decode steps that may pass while a request waits; then prompts take a whole micro-batch, whatever it costs those that run",
  ),
  targetItlMs: required(
    wordOr("auto", decimalNumber(0.1, 600_000)),
    "auto",
    "longest time between two tokens of a text while prompts are read, ms; auto makes it 1.35 times what it is without",
  ),
  batching: required(
    oneOf(["continuous", "static"]),
    "continuous",
    "static lets a batch of requests in when the one before is done, for comparison",
  ),
  prefixCache: required(
    onOff(),
    true,
    "whether beginnings of prompts that were computed before are shared, not computed again",
  ),
  maxContext: optional(
    wholeNumber(16, 16_777_216),
    "longest prompt and output together, tokens",
    "the model's own, as far as memory allows",
  ),
  blockSize: required(
    wordOr("auto", wholeNumber(1, 1024)),
    "auto",
    "tokens of a block of KV cache; auto takes what the GPUs among the stages want, 16 on CPUs alone",
  ),
  join: required(peerAddress(), "127.0.0.1:7070", "gRPC address of the coordinator to work for"),
  listen: required(listenAddress(), "127.0.0.1:0", "where this worker takes frames from other stages"),
  advertise: optional(
    peerAddress(),
    "address that the coordinator and other stages reach this worker at",
    "where it listens",
  ),
  workerId: optional(
    textLike("NAME", "up to 63 letters, digits, dots, - and _", /^[A-Za-z0-9._-]{1,63}$/),
    "name of this worker, unique in its cluster",
    "the host's name and the process id",
  ),
  device: required(
    textLike(
      "auto|LIST",
      "auto alone, or cpu, cuda, cuda:N for one of several GPUs, cuda:all, webgpu, webgpu:N, webgpu:NAME or simulated, several with commas between them",
      /^(auto|(cpu|cuda(:\d{1,2}|:all)?|webgpu(:\d{1,2}|:[A-Za-z][\w.-]*)?|simulated)(,(cpu|cuda(:\d{1,2}|:all)?|webgpu(:\d{1,2}|:[A-Za-z][\w.-]*)?|simulated))*)$/,
    ),
    "auto",
    "what computes: cpu, cuda, cuda:N, webgpu (of several GPUs webgpu:N or a part of its name, as webgpu:radeon), or several such as cuda:0,cuda:1, with a stage on each (cuda:all: on each NVIDIA GPU); auto takes an NVIDIA GPU where all that CUDA needs is here, otherwise the CPU; simulated waits instead of computing, for trying out schedules",
  ),
  gpuWeights: required(
    oneOf(["auto", "f16", "packed"]),
    "auto",
    "how a GPU holds weights that are stored in 4 or 8 bits: packed, or expanded to f16, which is faster with many rows; auto takes f16 where it fits beside KV",
  ),
  hops: required(
    oneOf(["link", "grpc"]),
    "link",
    "how frames and outputs reach and leave a worker: over TCP connections of their own where they can be had (in memory between the devices of one process), or by gRPC only",
  ),
  threads: optional(
    wholeNumber(1, 1024),
    "threads that each worker computes with",
    "the machine's processors shared out among the workers that `up` starts",
  ),
  cpus: optional(
    textLike("LIST", "processors such as 0, 0-3 or 1,5-7", /^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/),
    "processors that a worker computes on; its other threads run anywhere (Linux)",
    "any",
  ),
  memoryLimitBytes: optional(
    byteSize(16_777_216, maxBytes),
    "memory that each worker may take for weights and KV cache",
    "nine tenths of what is free, shared out among the workers that `up` starts",
  ),
  kvCacheMemory: optional(
    byteSize(65_536, maxBytes),
    "memory that each worker may take for KV cache",
    "what its memory leaves beside the weights",
  ),
  throttle: required(
    decimalNumber(1, 1000),
    1,
    "makes a worker this many times slower, to try out uneven machines",
  ),
  simulation: optional(
    textLike("FILE", "the path of a JSON file", /./),
    "times of the simulated device, as JSON: layerDecode, layerPrefill, embedding, head, each {alphaMs, betaMs}; mostScores and lostAtRun make it fail",
    "no time at all",
  ),
  startTimeoutMs: required(
    wholeNumber(1_000, 86_400_000),
    600_000,
    "how long `up` waits for everything to be ready, ms",
  ),
  stopTimeoutMs: required(
    wholeNumber(100, 600_000),
    10_000,
    "how long processes may take to end before they are killed, ms",
  ),
};

/** The name of a setting, e.g. `maxNumSeqs`. */
export type SettingName = keyof typeof settings;

/** Complete values of the named settings; only those without a default may be undefined. */
export type SettingValues<Names extends SettingName = SettingName> = {
  readonly [Name in Names]: ValueOf<(typeof settings)[Name]>;
};

type ValueOf<S> = S extends Setting<infer Value, infer Default> ? Value | Extract<Default, undefined> : never;

function required<Value>(kind: Kind<Value>, value: Value, doc: string): Setting<Value, Value> {
  return { kind, doc, default: value };
}

function optional<Value>(kind: Kind<Value>, doc: string, defaultText: string): Setting<Value, undefined> {
  return { kind, doc, default: undefined, defaultText };
}

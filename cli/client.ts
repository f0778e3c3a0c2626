import { type CallOptions, type ClientReadableStream, credentials, type ServiceError } from "@grpc/grpc-js";
import { StagecoachError } from "../common/errors.js";
import { channelOptions } from "../common/grpc-options.js";
import type { Home } from "../common/home.js";
import { v1 } from "../common/proto.js";
import type { ClusterClient } from "../proto/gen/stagecoach/v1/Cluster.js";
import type { InferenceClient } from "../proto/gen/stagecoach/v1/Inference.js";
import { readRunningCluster } from "./state/cluster-file.js";

/** Clients of a coordinator's services over one connection. */
export interface Client {
  /** Where they lead, `host:port`. */
  readonly address: string;
  readonly inference: InferenceClient;
  readonly cluster: ClusterClient;
  close(): void;
}

/** The address that clients use when nothing else is known. */
const usualAddress = "127.0.0.1:7070";

/** Opens clients; the connection is made with the first call. */
export function openClient(address: string): Client {
  const target = dialable(address);
  const inference = new v1.Inference(target, credentials.createInsecure(), channelOptions);
  const cluster = new v1.Cluster(target, credentials.createInsecure(), channelOptions);
  return {
    address: target,
    inference,
    cluster,
    close: () => {
      inference.close();
      cluster.close();
    },
  };
}

/** The coordinator to talk to: as given, else the one that runs in this home, else the usual address. */
export async function coordinatorAddress(home: Home, given: string | undefined): Promise<string> {
  return given ?? (await readRunningCluster(home))?.grpc ?? usualAddress;
}

/** Runs `body` with clients and closes them afterwards. */
export async function withClient<Result>(
  address: string,
  body: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = openClient(address);
  try {
    return await body(client);
  } finally {
    client.close();
  }
}

/** What a call waits at most for its answer. */
const unaryTimeoutMs = 30_000;

/**
 * One call with one answer: `unary(client, (options, done) => client.cluster.status({}, options, done))`.
 * @throws StagecoachError as the server said, UNAVAILABLE with the way out when nobody answers
 */
export function unary<Reply>(
  client: Client,
  call: (options: CallOptions, done: (error: ServiceError | null, reply?: Reply) => void) => unknown,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    call({ deadline: Date.now() + unaryTimeoutMs }, (error, reply) => {
      if (error !== null || reply === undefined) reject(explain(client, error));
      else resolve(reply);
    });
  });
}

/**
 * The messages of a streaming call, which is cancelled when the iteration ends early or the signal aborts.
 * @throws as `unary`
 */
export async function* replies<Reply>(
  client: Client,
  call: ClientReadableStream<Reply>,
  signal?: AbortSignal,
): AsyncIterable<Reply> {
  const cancel = () => call.cancel();
  signal?.addEventListener("abort", cancel);
  if (signal?.aborted) cancel();
  // A late error, after the loop was left, has nobody to hear it.
  call.on("error", () => undefined);
  try {
    for await (const reply of call) yield reply as Reply;
  } catch (reason) {
    if (!signal?.aborted) throw explain(client, reason);
  } finally {
    signal?.removeEventListener("abort", cancel);
    call.cancel();
  }
}

function explain(client: Client, reason: unknown): StagecoachError {
  const error = StagecoachError.from(reason);
  if (error.code !== "UNAVAILABLE" || !/connect|connection|ECONN/i.test(error.message)) return error;
  return new StagecoachError(
    "UNAVAILABLE",
    `no coordinator answers at ${client.address}: start one with \`stagecoach up\`, or name another with --grpc`,
    { cause: reason },
  );
}

/** Where to connect for something that listens on all interfaces. */
export function dialable(address: string): string {
  return address.replace(/^(0\.0\.0\.0|\[::\])?:/, "127.0.0.1:");
}

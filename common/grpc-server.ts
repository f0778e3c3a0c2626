import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogger,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";
import { HealthImplementation } from "grpc-health-check";
import { serverOptions } from "./grpc-options.js";
import { formatAddress, listenError, parseListenAddress, resolveListenHost } from "./listen-address.js";
import type { Logger } from "./log.js";
import { packageDefinition } from "./proto.js";

/** One gRPC service and what answers it. */
export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** What a gRPC server is made from. */
export interface GrpcServerOptions {
  readonly services: readonly GrpcService[];
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
  /** The command line option `listen` came from, for messages. Defaults to `--listen`. */
  readonly option?: string;
  readonly log: Logger;
}

/** A gRPC server that listens. */
export interface GrpcServer {
  /** `host:port`, with the port that was really taken. */
  readonly address: string;
  readonly port: number;
  /** What the health service answers for the server and each of its services. */
  setServing(serving: boolean): void;
  /** Refuses new calls, lets running ones end for up to `graceMs` (defaults to 5,000), then cancels them. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Starts a server with the given services, the standard health service (`grpc.health.v1`) and reflection.
 * Health says NOT_SERVING until `setServing(true)`.
 * @throws StagecoachError FAILED_PRECONDITION when the port is taken, INVALID_ARGUMENT for a bad address
 */
export async function startGrpc(options: GrpcServerOptions): Promise<GrpcServer> {
  const { services, listen, option = "--listen", log } = options;
  quietLogger(log);
  const wanted = parseListenAddress(listen, option);
  const host = await resolveListenHost(wanted, option);

  const server = new Server(serverOptions);
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const names = services.map(({ definition }) => serviceName(definition));
  const health = new HealthImplementation();
  health.addToServer(server);
  new ReflectionService(packageDefinition, { services: names }).addToServer(server);

  const setServing = (serving: boolean) => {
    for (const name of ["", ...names]) health.setStatus(name, serving ? "SERVING" : "NOT_SERVING");
  };
  setServing(false);
  const port = await bind(server, formatAddress(host, wanted.port), option);
  const address = formatAddress(wanted.host, port);
  log.debug({ address, services: names }, "gRPC listens");
  return {
    address,
    port,
    setServing,
    close: async (graceMs = 5_000) => {
      setServing(false);
      await shutdown(server, graceMs);
    },
  };
}

/** `stagecoach.v1.Stage` out of `/stagecoach.v1.Stage/Load`. */
function serviceName(definition: ServiceDefinition): string {
  return Object.values(definition)[0]?.path.split("/")[1] ?? "";
}

function bind(server: Server, address: string, option: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) return resolve(port);
      server.forceShutdown();
      reject(listenError(error, address, option));
    });
  });
}

function shutdown(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), graceMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** grpc-js writes to stderr what it also throws; only the thrown error should reach the user. */
function quietLogger(log: Logger): void {
  const write = (message?: unknown) => log.debug({ source: "grpc-js" }, String(message));
  setLogger({ error: write, info: write, debug: write });
}

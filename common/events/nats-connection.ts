import { connect, type NatsConnection } from "nats";
import { StagecoachError } from "../errors.js";

/** How to reach NATS. */
export interface NatsOptions {
  /** E.g. `nats://127.0.0.1:4222`; several, separated by commas, are one cluster. */
  readonly url: string;
  /** Shown by the server among its connections. */
  readonly name: string;
}

const connectTimeoutMs = 5_000;
const reconnectWaitMs = 1_000;
/** Two missed answers in a row are a dead connection. */
const pingIntervalMs = 5_000;

/**
 * Connects once; a connection that is up reconnects for ever.
 * @throws StagecoachError UNAVAILABLE when nobody answers, PERMISSION_DENIED when the server refuses
 */
export async function connectNats({ url, name }: NatsOptions): Promise<NatsConnection> {
  try {
    return await connect({
      servers: url.split(","),
      name,
      timeout: connectTimeoutMs,
      pingInterval: pingIntervalMs,
      maxPingOut: 2,
      reconnectTimeWait: reconnectWaitMs,
      maxReconnectAttempts: -1,
    });
  } catch (cause) {
    throw connectError(url, cause);
  }
}

function connectError(url: string, cause: unknown): StagecoachError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  const shown = withoutPassword(url);
  if (code.startsWith("AUTH") || code === "BAD_AUTHENTICATION" || code === "ACCOUNT_EXPIRED") {
    return new StagecoachError(
      "PERMISSION_DENIED",
      `NATS at ${shown} refuses these credentials: give nats://user:password@host:port with ones it knows`,
      { cause },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StagecoachError(
    "UNAVAILABLE",
    `cannot reach NATS at ${shown} (${reason}): start nats-server there or correct --nats`,
    { cause },
  );
}

/** `nats://user:secret@host` → `nats://user:***@host`. */
function withoutPassword(url: string): string {
  return url.replace(/(\/\/[^:@/]*):[^@/]*@/g, "$1:***@");
}

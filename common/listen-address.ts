import { lookup } from "node:dns/promises";
import { StagecoachError } from "./errors.js";

/** Where a server listens. Port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `host:port`, `[v6]:port` or `:port` (all interfaces).
 * @param option the command line option the text came from, for the message, e.g. `--http`
 * @throws StagecoachError INVALID_ARGUMENT
 */
export function parseListenAddress(text: string, option: string): ListenAddress {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `cannot listen on ${JSON.stringify(text)}: give ${option} as host:port with a port from 0 to 65535, e.g. 127.0.0.1:8080`,
      { details: { address: text } },
    );
  }
  return { host: match[1] ?? (match[2] || "0.0.0.0"), port };
}

/**
 * One address of the host, IPv4 first, so that a name like `localhost` is bound once and never half.
 * @throws StagecoachError INVALID_ARGUMENT when the name has no address
 */
export async function resolveListenHost(address: ListenAddress, option: string): Promise<string> {
  try {
    const found = await lookup(address.host, { verbatim: false });
    return found.address;
  } catch (cause) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `cannot listen on ${formatAddress(address.host, address.port)}: no address found for that host; change ${option}`,
      { cause, details: { address: formatAddress(address.host, address.port) } },
    );
  }
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Turns what a server's bind failed with into an error that says which option to change. */
export function listenError(reason: unknown, address: string, option: string): StagecoachError {
  const text = reason instanceof Error ? reason.message : String(reason);
  const details = { address };
  if (text.includes("EADDRINUSE")) {
    const message = `cannot listen on ${address}: the port is taken by another process; stop it or choose another with ${option}`;
    return new StagecoachError("FAILED_PRECONDITION", message, { cause: reason, details });
  }
  if (text.includes("EACCES") || text.includes("EPERM")) {
    const message = `cannot listen on ${address}: this user may not use that port; choose one above 1023 with ${option}`;
    return new StagecoachError("PERMISSION_DENIED", message, { cause: reason, details });
  }
  if (text.includes("EADDRNOTAVAIL")) {
    const message = `cannot listen on ${address}: this machine does not have that address; change ${option}`;
    return new StagecoachError("INVALID_ARGUMENT", message, { cause: reason, details });
  }
  return new StagecoachError("UNAVAILABLE", `cannot listen on ${address}: ${text}; change ${option}`, {
    cause: reason,
    details,
  });
}

import { status as GrpcStatus } from "@grpc/grpc-js";

/** gRPC's canonical codes, the only vocabulary of failure in this project. */
export type Code = Exclude<keyof typeof GrpcStatus, "OK">;

/** What an error may carry beside its message. */
export interface StagecoachErrorOptions {
  /** What went wrong underneath. */
  cause?: unknown;
  /** Machine-readable facts: the bad value, the limit, the path. Never secrets. */
  details?: Record<string, string | number | boolean>;
}

/**
 * The one error class. Its message names the bad value and the way out, in words that can be shown to
 * a stranger; `code` decides the gRPC status, the HTTP status and the exit code.
 */
export class StagecoachError extends Error {
  override readonly name = "StagecoachError";
  readonly code: Code;
  readonly details: Readonly<Record<string, string | number | boolean>>;

  constructor(code: Code, message: string, options: StagecoachErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  /** Turns anything thrown into a StagecoachError; one that is already keeps its identity. */
  static from(reason: unknown, code?: Code): StagecoachError {
    if (reason instanceof StagecoachError) return reason;
    if (isGrpcError(reason)) {
      const name = (GrpcStatus[reason.code] ?? "UNKNOWN") as Code;
      return new StagecoachError(code ?? name, reason.details || reason.message, { cause: reason });
    }
    if (reason instanceof Error) {
      return new StagecoachError(code ?? codeOfErrno(reason), reason.message, { cause: reason });
    }
    return new StagecoachError(code ?? "UNKNOWN", String(reason), { cause: reason });
  }
}

/** The number that travels on the wire for a code. */
export function codeNumber(code: Code): number {
  return GrpcStatus[code];
}

/** The code for a number from the wire; numbers that gRPC does not know become UNKNOWN. */
export function codeFromNumber(number: number): Code {
  const name = GrpcStatus[number];
  return name === undefined || name === "OK" ? "UNKNOWN" : (name as Code);
}

function isGrpcError(reason: unknown): reason is Error & { code: number; details: string } {
  return (
    reason instanceof Error && "details" in reason && "code" in reason && typeof reason.code === "number"
  );
}

const ERRNO_CODES: Record<string, Code> = {
  ENOENT: "NOT_FOUND",
  EEXIST: "ALREADY_EXISTS",
  EACCES: "PERMISSION_DENIED",
  EPERM: "PERMISSION_DENIED",
  ENOSPC: "RESOURCE_EXHAUSTED",
  EDQUOT: "RESOURCE_EXHAUSTED",
  EMFILE: "RESOURCE_EXHAUSTED",
  EADDRINUSE: "FAILED_PRECONDITION",
  EADDRNOTAVAIL: "INVALID_ARGUMENT",
  ECONNREFUSED: "UNAVAILABLE",
  ECONNRESET: "UNAVAILABLE",
  EPIPE: "UNAVAILABLE",
  ETIMEDOUT: "DEADLINE_EXCEEDED",
};

function codeOfErrno(reason: Error): Code {
  if (reason.name === "AbortError") return "CANCELLED";
  if (reason.name === "TimeoutError") return "DEADLINE_EXCEEDED";
  const errno = "code" in reason ? reason.code : undefined;
  return (typeof errno === "string" ? ERRNO_CODES[errno] : undefined) ?? "UNKNOWN";
}

import { Metadata, type ServiceError } from "@grpc/grpc-js";
import { codeNumber, StagecoachError } from "./errors.js";

/** Longest message on the wire; gRPC puts it into a header. */
const maxMessageLength = 2_000;

/**
 * What a gRPC handler answers with for anything thrown. Unexpected errors (neither ours, nor gRPC's, nor
 * the system's) become INTERNAL: they are defects of this program.
 */
export function toServiceError(reason: unknown): ServiceError {
  const error = expectedOrInternal(reason);
  const details = wellFormed(error.message).slice(0, maxMessageLength);
  return Object.assign(new Error(details, { cause: reason }), {
    code: codeNumber(error.code),
    details,
    metadata: new Metadata(),
  });
}

/** Anything thrown as a StagecoachError; what nothing in the project foresaw becomes INTERNAL. */
export function expectedOrInternal(reason: unknown): StagecoachError {
  const error = StagecoachError.from(reason);
  if (error === reason || error.code !== "UNKNOWN") return error;
  return new StagecoachError("INTERNAL", `internal error: ${error.message}`, { cause: reason });
}

/** grpc-js runs encodeURI over the message in a callback, which throws on half of a surrogate pair. */
function wellFormed(text: string): string {
  return Buffer.from(text, "utf8").toString("utf8");
}

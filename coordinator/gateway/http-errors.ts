import type { Code, StagecoachError } from "../../common/errors.js";

/** The one table from canonical code to HTTP status. 499 is nginx's for a client that went away. */
const statusOfCode: Readonly<Record<Code, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** Seconds after which a refused client may try again, where nobody knows better. */
const retryAfterSeconds: Partial<Record<Code, number>> = { RESOURCE_EXHAUSTED: 1, UNAVAILABLE: 2 };

/** OpenAI's shape of an error. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    /** The request field at fault, where there is one. */
    readonly param: string | null;
    readonly code: string;
  };
}

/** The HTTP status of an error; `details.httpStatus` stands for what only HTTP has (405, 413, 415). */
export function httpStatus({ code, details }: StagecoachError): number {
  const given = details["httpStatus"];
  return typeof given === "number" ? given : statusOfCode[code];
}

export function errorBody(error: StagecoachError): ErrorBody {
  const { param, reason } = error.details;
  return {
    error: {
      message: error.message,
      type: errorType(httpStatus(error)),
      param: typeof param === "string" ? param : null,
      code: typeof reason === "string" ? reason : error.code.toLowerCase(),
    },
  };
}

/** Headers that go with an error: when to try again, which methods there are. */
export function errorHeaders({ code, details }: StagecoachError): Record<string, string> {
  const known = details["retryAfterSeconds"];
  const seconds = typeof known === "number" ? known : retryAfterSeconds[code];
  const { allow } = details;
  return {
    ...(seconds !== undefined && { "retry-after": String(seconds) }),
    ...(typeof allow === "string" && { allow }),
  };
}

function errorType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 404) return "not_found_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

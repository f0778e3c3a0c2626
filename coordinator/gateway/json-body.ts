import type { FastifyInstance } from "fastify";
import { StagecoachError } from "../../common/errors.js";

/** Largest request body, bytes: room for any prompt that fits a context of a million tokens. */
export const maxBodyBytes: number = 16 * 1024 * 1024;

/**
 * Takes JSON bodies only, and those strictly: bytes that are not UTF-8 are refused, not replaced.
 * Other content types are refused with 415 by `errorOf`.
 */
export function useJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (_request: unknown, body: Buffer) => parseJson(body),
  );
}

function parseJson(body: Buffer): unknown {
  const text = decodeUtf8(body);
  if (text.trim() === "") {
    throw badBody("the request body is empty: send a JSON object");
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw badBody(`the request body is not JSON (${reason}): correct it`, cause);
  }
}

function decodeUtf8(body: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw badBody("the request body is not UTF-8: encode it as UTF-8", cause);
  }
}

function badBody(message: string, cause?: unknown): StagecoachError {
  const details = { param: "body", reason: "invalid_json" };
  return new StagecoachError(
    "INVALID_ARGUMENT",
    message,
    cause === undefined ? { details } : { cause, details },
  );
}

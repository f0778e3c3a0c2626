import { randomUUID } from "node:crypto";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { StagecoachError } from "../../common/errors.js";
import { expectedOrInternal } from "../../common/grpc-error.js";
import type { Logger } from "../../common/log.js";
import { type ActiveRequests, createActiveRequests } from "./active-requests.js";
import { addGenerationRoutes } from "./generation-routes.js";
import type { HttpAppOptions } from "./http-app-options.js";
import { errorBody, errorHeaders, httpStatus } from "./http-errors.js";
import { maxBodyBytes, useJsonBodies } from "./json-body.js";
import { addModelRoutes } from "./model-routes.js";
import { addProbeRoutes } from "./probe-routes.js";
import { addTokenRoutes } from "./token-routes.js";

/** The HTTP gateway, not listening yet. */
export interface HttpApp {
  readonly fastify: FastifyInstance;
  readonly active: ActiveRequests;
}

/** Builds the gateway: OpenAI's endpoints, tokenizing, probes and metrics. */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const app = fastify({
    bodyLimit: maxBodyBytes,
    genReqId: (request) => requestIdOf(request.headers["x-request-id"]),
    // A body that never comes does not hold its connection for ever.
    requestTimeout: 60_000,
  });
  const active = createActiveRequests();
  const methods = collectMethods(app);
  useJsonBodies(app);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id);
  });
  app.addHook("onResponse", async (request, reply) => logReply(options.log, request, reply));
  app.setErrorHandler((reason, request, reply) => sendError(options.log, reason, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendError(options.log, noRoute(request, methods), request, reply),
  );
  addProbeRoutes(app, options);
  addModelRoutes(app, options.inference);
  addTokenRoutes(app, options.inference);
  addGenerationRoutes(app, { ...options, active });
  return { fastify: app, active };
}

/** A client's own id when it is harmless in logs and headers. */
function requestIdOf(header: string | string[] | undefined): string {
  return typeof header === "string" && /^[\w.:+/=-]{1,128}$/.test(header) ? header : randomUUID();
}

function logReply(log: Logger, request: FastifyRequest, reply: FastifyReply): void {
  log.info(
    {
      requestId: request.id,
      method: request.method,
      path: request.url.split("?")[0],
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
    },
    "HTTP request",
  );
}

async function sendError(
  log: Logger,
  reason: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const error = httpErrorOf(reason);
  const status = httpStatus(error);
  if (status >= 500 && error.code !== "UNAVAILABLE") {
    log.error({ requestId: request.id, err: error }, error.message);
  }
  await reply.code(status).headers(errorHeaders(error)).send(errorBody(error));
}

/** Fastify's own refusals in our words. */
function httpErrorOf(reason: unknown): StagecoachError {
  const code = reason instanceof Error && "code" in reason ? reason.code : undefined;
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return refusal(
      415,
      "the body's content type is not supported: send `content-type: application/json`",
      reason,
    );
  }
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") {
    return refusal(413, `the request body is over ${maxBodyBytes} bytes: shorten it`, reason);
  }
  const status = reason instanceof Error && "statusCode" in reason ? reason.statusCode : undefined;
  if (typeof status === "number" && status >= 400 && status < 500 && !(reason instanceof StagecoachError)) {
    return refusal(status, reason instanceof Error ? reason.message : String(reason), reason);
  }
  return expectedOrInternal(reason);
}

function refusal(httpStatus: number, message: string, cause: unknown): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", message, { cause, details: { httpStatus } });
}

/** Which methods each path has, so that a wrong method is told apart from a wrong path. */
function collectMethods(app: FastifyInstance): (path: string) => string[] {
  const routes: { pattern: RegExp; method: string }[] = [];
  app.addHook("onRoute", ({ url, method }) => {
    const pattern = new RegExp(`^${url.replace(/:[^/]+/g, "[^/]+")}$`);
    for (const each of [method].flat()) routes.push({ pattern, method: each });
  });
  return (path) => [
    ...new Set(routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method)),
  ];
}

function noRoute(request: FastifyRequest, methodsOf: (path: string) => string[]): StagecoachError {
  const path = request.url.split("?")[0] ?? "";
  const allowed = methodsOf(path);
  if (allowed.length === 0) {
    const message = `there is no ${path} here: see /v1/models, /v1/completions, /v1/chat/completions`;
    return new StagecoachError("NOT_FOUND", message, { details: { reason: "unknown_url" } });
  }
  const allow = allowed.join(", ");
  return new StagecoachError("INVALID_ARGUMENT", `${path} does not take ${request.method}: use ${allow}`, {
    details: { httpStatus: 405, allow, reason: "method_not_allowed" },
  });
}

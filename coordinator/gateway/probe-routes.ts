import type { FastifyInstance, FastifyReply } from "fastify";
import { version } from "../../common/package-root.js";
import type { HttpAppOptions } from "./http-app-options.js";

/**
 * What machines watch: `/healthz` (the process lives), `/readyz` and its alias `/health` (requests are
 * answered; 503 with the reason until then), `/metrics`, `/version`.
 */
export function addProbeRoutes(
  app: FastifyInstance,
  { status, metrics }: Pick<HttpAppOptions, "status" | "metrics">,
): void {
  const ready = async (_request: unknown, reply: FastifyReply) => {
    const { serving, detail } = status();
    if (serving) return { status: "ready" };
    reply.code(503).header("retry-after", "2");
    return { status: "not ready", reason: detail };
  };
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", ready);
  app.get("/health", ready);
  app.get("/version", async () => ({ version }));
  app.get("/metrics", async (_request, reply) => {
    reply.type(metrics.contentType);
    return metrics.render();
  });
}

import type { FastifyInstance } from "fastify";
import type { Inference } from "../inference/inference.js";

/** `/v1/models`, with vLLM's `max_model_len`. */
export function addModelRoutes(app: FastifyInstance, inference: Inference): void {
  const model = () => ({
    id: inference.model.id,
    object: "model",
    created: inference.model.createdUnixSeconds,
    owned_by: "stagecoach",
    root: inference.model.id,
    parent: null,
    max_model_len: inference.maxContext,
    variant: inference.model.variant,
  });
  app.get("/v1/models", async () => ({ object: "list", data: [model()] }));
  app.get<{ Params: { id: string } }>("/v1/models/:id", async (request) => {
    inference.checkModel(request.params.id);
    return model();
  });
}

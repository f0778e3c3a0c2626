import { StagecoachError } from "../../common/errors.js";
import type { MeasureReply__Output } from "../../proto/gen/stagecoach/v1/MeasureReply.js";
import type { MeasureRequest } from "../../proto/gen/stagecoach/v1/MeasureRequest.js";
import type { StageClient } from "../pipeline/stage-client.js";
import type { LinearTime, LinkProfile, WorkerProfile } from "../planner/types.js";

/** Beyond so many workers, timing every pair would take longer than it is worth: each then times its ring neighbours. */
const allPairsUpTo = 8;
const ringNeighbours = 3;

/** A worker to measure and the device it announced. */
export interface Candidate {
  readonly client: StageClient;
  readonly device: string;
}

/**
 * Has every worker time the model's parts, all at once: stages that share a machine will compute at once too,
 * so that is the speed they will have.
 */
export async function profileWorkers(
  candidates: readonly Candidate[],
  request: MeasureRequest,
): Promise<WorkerProfile[]> {
  return await Promise.all(
    candidates.map(async ({ client, device }) =>
      profileOf(client.workerId, device, await client.measure(request)),
    ),
  );
}

/** Times the links between workers; one after another on each worker, so that they do not disturb themselves. */
export async function profileLinks(clients: readonly StageClient[]): Promise<LinkProfile[]> {
  const measured = await Promise.all(
    clients.map(async (from, index) => {
      const links: LinkProfile[] = [];
      for (const to of partners(clients, index)) {
        const { roundTripMs, bytesPerSecond } = await from.measureLink(to.address);
        links.push({ from: from.workerId, to: to.workerId, roundTripMs, bytesPerSecond });
      }
      return links;
    }),
  );
  return measured.flat();
}

function partners(clients: readonly StageClient[], index: number): readonly StageClient[] {
  const others = [...clients.slice(index + 1), ...clients.slice(0, index)];
  return clients.length <= allPairsUpTo ? others : others.slice(0, ringNeighbours);
}

function profileOf(workerId: string, device: string, reply: MeasureReply__Output): WorkerProfile {
  const time = (name: "layerDecode" | "layerPrefill" | "embedding" | "head"): LinearTime => {
    const value = reply[name];
    if (value === null || !(value.alphaMs >= 0 && value.betaMs >= 0)) {
      throw new StagecoachError(
        "INTERNAL",
        `worker "${workerId}" measured no usable time for ${name}: see its log`,
      );
    }
    return { alphaMs: value.alphaMs, betaMs: value.betaMs };
  };
  return {
    workerId,
    device,
    layerDecode: time("layerDecode"),
    layerPrefill: time("layerPrefill"),
    embedding: time("embedding"),
    head: time("head"),
    freeMemoryBytes: reply.freeMemoryBytes,
  };
}

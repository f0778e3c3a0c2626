import { StagecoachError } from "../../common/errors.js";
import { timeLink } from "../../common/time-link.js";
import type { LinearTime__Output } from "../../proto/gen/stagecoach/v1/LinearTime.js";
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
  /** The GPU that it shares with those of the same; empty for its own processors. */
  readonly deviceId: string;
}

type MeasuredClient = Pick<StageClient, "workerId" | "measure">;

/** What was measured of workers and of the links between them. */
export interface Measured {
  readonly workers: readonly WorkerProfile[];
  readonly links: readonly LinkProfile[];
  /** Ids of workers whose machines were busy with something else. */
  readonly unsteady: readonly string[];
}

/** Measures workers, then their links. */
export async function profileCluster(
  candidates: readonly Candidate[],
  request: MeasureRequest,
  signal: AbortSignal,
): Promise<Measured> {
  const profiled = await profileWorkers(candidates, request);
  const clients = candidates.map(({ client }) => client);
  const links = [...(await profileLinks(clients)), ...(await profileOwnLinks(clients, signal))];
  return {
    workers: profiled.map(({ profile }) => profile),
    links,
    unsteady: profiled.flatMap(({ profile, unsteady }) => (unsteady ? [profile.workerId] : [])),
  };
}

/**
 * Has every worker time the model's parts, all at once: stages that share a machine will compute at once too,
 * so that is the speed they will have. Those on one GPU go one after another, since a plan adds up what they take.
 */
export async function profileWorkers(
  candidates: readonly (Omit<Candidate, "client"> & { readonly client: MeasuredClient })[],
  request: MeasureRequest,
) {
  const turns = new Map<string, Promise<unknown>>();
  return await Promise.all(
    candidates.map(async (candidate) => {
      const { client, deviceId } = candidate;
      const measured = (turns.get(deviceId) ?? Promise.resolve()).then(() => client.measure(request));
      // Who fails leaves the turn to the next; the failure itself is awaited here.
      const over = measured.catch(() => undefined);
      if (deviceId !== "") turns.set(deviceId, over);
      const reply = await measured;
      return { profile: profileOf(candidate, reply), unsteady: reply.unsteady };
    }),
  );
}

/** Times the links between workers; one after another on each worker, so that they do not disturb themselves. */
async function profileLinks(clients: readonly StageClient[]): Promise<LinkProfile[]> {
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

/** The way into the first stage and back from the last, whichever they will be. */
async function profileOwnLinks(clients: readonly StageClient[], signal: AbortSignal): Promise<LinkProfile[]> {
  const links: LinkProfile[] = [];
  for (const { workerId, address } of clients)
    links.push({ from: "", to: workerId, ...(await timeLink(address, signal)) });
  return links;
}

function partners(clients: readonly StageClient[], index: number): readonly StageClient[] {
  const others = [...clients.slice(index + 1), ...clients.slice(0, index)];
  return clients.length <= allPairsUpTo ? others : others.slice(0, ringNeighbours);
}

function profileOf(
  { client: { workerId }, device, deviceId }: Parameters<typeof profileWorkers>[0][number],
  reply: MeasureReply__Output,
): WorkerProfile {
  const time = (name: "layerDecode" | "layerPrefill" | "embedding" | "head" | "stage"): LinearTime => {
    const value = reply[name];
    if (value === null || !usable(value)) {
      throw new StagecoachError(
        "INTERNAL",
        `worker "${workerId}" measured no usable time for ${name}: see its log`,
      );
    }
    const { alphaMs, betaMs, points } = value;
    return { alphaMs, betaMs, ...(points.length > 0 && { points }) };
  };
  return {
    workerId,
    device,
    layerDecode: time("layerDecode"),
    layerPrefill: time("layerPrefill"),
    embedding: time("embedding"),
    head: time("head"),
    // A device whose times are given has no cost of its own.
    ...(reply.stage !== null && { stage: time("stage") }),
    attention: { msPerToken: reply.attentionMsPerToken, measuredAtTokens: reply.contextTokens },
    freeMemoryBytes: reply.freeMemoryBytes,
    ...(reply.kvBytesPerTokenLayer > 0 && { kvBytesPerTokenLayer: reply.kvBytesPerTokenLayer }),
    ...(reply.blockSize > 0 && { blockSize: reply.blockSize }),
    ...(reply.weights.length > 0 && { weights: reply.weights }),
    ...(deviceId !== "" && { deviceId }),
  };
}

function usable({ alphaMs, betaMs, points }: LinearTime__Output): boolean {
  return alphaMs >= 0 && betaMs >= 0 && points.every(({ rows, ms }) => rows > 0 && ms >= 0);
}

import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { writeFileAtomic } from "../../model/store/atomic-file.js";
import { isErrno } from "../../model/store/disk.js";
import { isAlive, processIdentity } from "./process-identity.js";

const runningProcess = z.object({
  /** `coordinator`, `w0`, `nats-server`. */
  name: z.string(),
  pid: z.number().int().positive(),
  /** See `processIdentity`. */
  identity: z.string(),
});

const clusterFile = z.object({
  formatVersion: z.literal(1),
  /** The process to end; it ends the others. */
  owner: runningProcess,
  /** What the owner started. */
  processes: z.array(runningProcess),
  cluster: z.string(),
  model: z.string(),
  variant: z.string(),
  /** `host:port`; absent until they listen. */
  http: z.string().optional(),
  grpc: z.string().optional(),
  /** Absent without events. */
  nats: z.string().optional(),
});

/** What runs in a home: `state/cluster.json`. */
export type ClusterFile = z.infer<typeof clusterFile>;
export type RunningProcess = z.infer<typeof runningProcess>;

/**
 * What was last written, whether or not it still runs; undefined when nothing was.
 * @throws StagecoachError DATA_LOSS when the file is damaged
 */
export async function readClusterFile(home: Home): Promise<ClusterFile | undefined> {
  const path = clusterFilePath(home);
  try {
    return clusterFile.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw new StagecoachError(
      "DATA_LOSS",
      `${path} is damaged: end what still runs by hand, then remove the file`,
      { cause },
    );
  }
}

/** As `readClusterFile`, but undefined when its owner has ended. */
export async function readRunningCluster(home: Home): Promise<ClusterFile | undefined> {
  const file = await readClusterFile(home);
  return file !== undefined && (await isAlive(file.owner.pid, file.owner.identity)) ? file : undefined;
}

/** Replaces the file in one step. */
export async function writeClusterFile(home: Home, content: ClusterFile): Promise<void> {
  await writeFileAtomic(clusterFilePath(home), `${JSON.stringify(content, undefined, 2)}\n`);
}

export async function removeClusterFile(home: Home): Promise<void> {
  await rm(clusterFilePath(home), { force: true });
}

/** The entry for a living process; undefined when it has already ended. */
export async function describeProcess(name: string, pid: number): Promise<RunningProcess | undefined> {
  const identity = await processIdentity(pid);
  return identity === undefined ? undefined : { name, pid, identity };
}

function clusterFilePath(home: Home): string {
  return join(home.state, "cluster.json");
}

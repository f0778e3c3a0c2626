import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { withLock } from "../../model/store/store-lock.js";
import { readClusterFile, removeClusterFile } from "./cluster-file.js";
import { endProcess } from "./end-process.js";

/**
 * Runs `body` while no other `up` or `coordinator` uses this home. What a killed predecessor left running
 * is ended first; `state/cluster.json` is gone afterwards.
 * @throws StagecoachError FAILED_PRECONDITION naming the process that uses the home
 */
export async function withHome<Result>(
  home: Home,
  body: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  let entered = false;
  try {
    const path = join(home.state, "up.lock");
    return await withLock({ path, purpose: "running a cluster", wait: false }, async (signal) => {
      entered = true;
      await endLeftovers(home);
      try {
        return await body(signal);
      } finally {
        await removeClusterFile(home);
      }
    });
  } catch (reason) {
    if (entered || !(reason instanceof StagecoachError) || reason.code !== "FAILED_PRECONDITION")
      throw reason;
    throw await homeInUse(home, reason);
  }
}

const leftoverGraceMs = 2_000;

async function endLeftovers(home: Home): Promise<void> {
  const file = await readClusterFile(home);
  await Promise.all((file?.processes ?? []).map((process) => endProcess(process, leftoverGraceMs)));
}

async function homeInUse(home: Home, cause: StagecoachError): Promise<StagecoachError> {
  const pid = (await readClusterFile(home))?.owner.pid;
  const who = pid === undefined ? "another process" : `process ${pid}`;
  return new StagecoachError(
    "FAILED_PRECONDITION",
    `a cluster already runs in ${home.root} (${who}): end it with \`stagecoach down\`, or give this one another --home`,
    { cause, details: { home: home.root, ...(pid === undefined ? {} : { pid }) } },
  );
}

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { lock } from "proper-lockfile";
import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import { isErrno } from "./disk.js";

/** Who holds a lock. */
export type LockHolder = z.infer<typeof holderSchema>;

const holderSchema = z.object({ pid: z.number().int().positive(), host: z.string(), purpose: z.string() });

export interface LockOptions {
  /** The lock's path; folders above it are made. */
  path: string;
  /** Completes "another process is …", e.g. `packing smollm2`. */
  purpose: string;
  /** False fails at once when somebody else holds the lock. Defaults to true: wait as long as it takes. */
  wait?: boolean | undefined;
  /** Called once, when the wait begins; the holder is unknown when it is just coming or going. */
  onWait?: ((holder: LockHolder | undefined) => void) | undefined;
  signal?: AbortSignal | undefined;
}

// A packer's thread may encode for many seconds without a timer running, so a lock counts as abandoned
// late; a holder that was killed on this machine is found by its process id at once.
const staleMs = 60_000;
const pollMs = 100;

/**
 * Runs `body` while no other process, and nobody else in this one, holds the lock at `path`. The signal
 * that the body gets also aborts when the lock is lost, e.g. after the machine slept.
 *
 * @throws StagecoachError FAILED_PRECONDITION naming the holder when it is held and `wait` is false;
 *   CANCELLED when the signal aborts; ABORTED when the lock was lost.
 */
export async function withLock<Result>(
  options: LockOptions,
  body: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const lost = new AbortController();
  const release = await acquire(options, lost);
  try {
    await writeFile(holderPath(options.path), JSON.stringify(holderOf(options)));
    const signal = options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal;
    return await body(signal);
  } finally {
    if (!lost.signal.aborted) {
      await rm(holderPath(options.path), { force: true });
      await release();
    }
  }
}

async function acquire(options: LockOptions, lost: AbortController): Promise<() => Promise<void>> {
  await mkdir(dirname(options.path), { recursive: true });
  for (let waited = false; ; waited = true) {
    if (options.signal?.aborted) throw StagecoachError.from(options.signal.reason, "CANCELLED");
    const release = await tryLock(options.path, (error) => lost.abort(lockLost(options, error)));
    if (release !== undefined) return release;
    if (await freeDeadLock(options.path)) continue;
    const holder = await readHolder(options.path);
    if (options.wait === false) throw lockHeld(options, holder);
    if (!waited) options.onWait?.(holder);
    await sleep(pollMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

async function tryLock(
  path: string,
  onCompromised: (error: Error) => void,
): Promise<(() => Promise<void>) | undefined> {
  try {
    return await lock(path, { realpath: false, lockfilePath: path, stale: staleMs, onCompromised });
  } catch (error) {
    if (isErrno(error, "ELOCKED")) return undefined;
    throw error;
  }
}

/**
 * Removes a lock whose holder was killed on this machine. Only one process may do that at a time, and the
 * holder's name goes before the lock does; so whoever looks next sees either the dead holder with its lock
 * or a lock without a name, which is never removed.
 */
async function freeDeadLock(path: string): Promise<boolean> {
  if (!isDead(await readHolder(path))) return false;
  const releaseSweeper = await tryLock(`${path}.sweep`, () => undefined);
  if (releaseSweeper === undefined) return false;
  try {
    if (!isDead(await readHolder(path))) return false;
    await rm(holderPath(path), { force: true });
    await rm(path, { recursive: true, force: true });
    return true;
  } finally {
    await releaseSweeper();
  }
}

function isDead(holder: LockHolder | undefined): boolean {
  if (holder === undefined || holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return isErrno(error, "ESRCH");
  }
}

async function readHolder(path: string): Promise<LockHolder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(holderPath(path), "utf8")));
  } catch {
    // Absent, or half written by a holder that is just coming: not known yet.
    return undefined;
  }
}

function holderPath(path: string): string {
  return `${path}.holder`;
}

function holderOf({ purpose }: LockOptions): LockHolder {
  return { pid: process.pid, host: hostname(), purpose };
}

function lockHeld({ path }: LockOptions, holder: LockHolder | undefined): StagecoachError {
  const who = holder
    ? `process ${holder.pid} on ${holder.host} is ${holder.purpose}`
    : "another process works";
  return new StagecoachError("FAILED_PRECONDITION", `${who} in this store: try again when it is done`, {
    details: { path },
  });
}

function lockLost({ path, purpose }: LockOptions, cause: Error): StagecoachError {
  return new StagecoachError(
    "ABORTED",
    `the lock ${path} was lost while ${purpose}: the machine slept or the disk stalled; run the command again`,
    { cause, details: { path } },
  );
}

import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { z } from "zod";
import type { Home } from "../../common/home.js";
import { isErrno } from "../../model/store/disk.js";
import { Child, type ChildOptions } from "./child.js";

/** NATS's own port, taken when it is free so that other clients find it. */
const usualPort = 4222;

/** Debian installs it where the path of an ordinary user does not lead. */
const candidates = [
  "nats-server",
  "/usr/sbin/nats-server",
  "/usr/local/bin/nats-server",
  "/opt/homebrew/bin/nats-server",
];

/** Where nats-server is and its version; undefined when it is not installed. */
export async function findNatsServer(): Promise<{ path: string; version: string } | undefined> {
  for (const path of candidates) {
    try {
      const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: 10_000 });
      return { path, version: stdout.trim().replace(/^nats-server:?\s*/, "") };
    } catch (error) {
      if (!isErrno(error, "ENOENT") && !isErrno(error, "EACCES")) throw error;
    }
  }
  return undefined;
}

/** How to run nats-server for a home. */
export interface NatsServerOptions {
  readonly home: Home;
  /** Path of the program. */
  readonly program: string;
  /** Script with the hidden `supervise` command. */
  readonly script: string;
  readonly logPath: string;
  readonly signal: AbortSignal;
}

/** A nats-server of ours. */
export interface NatsServer {
  readonly child: Child;
  /** Id of nats-server's own process, below the supervisor. */
  readonly pid: number;
  /** `nats://127.0.0.1:PORT` */
  readonly url: string;
}

/**
 * Starts nats-server on loopback with JetStream below the home, on port 4222 or, when that is taken, any
 * free one.
 * @param started called with the child at once, so that it can be ended while it still starts
 * @throws StagecoachError when it ends instead; whatever aborted the signal
 */
export async function startNatsServer(
  options: NatsServerOptions,
  started: (child: Child) => void,
): Promise<NatsServer> {
  const { home, program, script, logPath, signal } = options;
  const folder = join(home.state, "nats");
  const portsFolder = join(folder, "ports");
  await rm(portsFolder, { recursive: true, force: true });
  await mkdir(portsFolder, { recursive: true });
  const configPath = join(folder, "nats.conf");
  await writeFile(configPath, configuration(folder, portsFolder, (await isFree(usualPort)) ? usualPort : -1));

  const childOptions: ChildOptions = {
    name: "nats-server",
    script,
    args: ["supervise", "--", program, "-c", configPath],
    logPath,
  };
  const child = await Child.start(childOptions);
  started(child);
  const facts = await child.ready(signal);
  return { child, pid: Number(facts["pid"]), url: await awaitUrl(child, portsFolder, signal) };
}

/** NATS reads JSON strings as its own. */
function configuration(folder: string, portsFolder: string, port: number): string {
  return [
    `host: "127.0.0.1"`,
    `port: ${port}`,
    `ports_file_dir: ${JSON.stringify(portsFolder)}`,
    `jetstream { store_dir: ${JSON.stringify(join(folder, "jetstream"))}, max_memory_store: 16MB, max_file_store: 256MB }`,
    "",
  ].join("\n");
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  const bound = new Promise<boolean>((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => resolve(true));
  });
  const free = await bound;
  if (free) await new Promise((resolve) => probe.close(resolve));
  return free;
}

const portsFile = z.object({ nats: z.array(z.string()).min(1) });
const pollMs = 20;

/** nats-server writes its ports file once it listens. */
async function awaitUrl(child: Child, portsFolder: string, signal: AbortSignal): Promise<string> {
  for (;;) {
    signal.throwIfAborted();
    if (child.ended) throw child.failure(await child.exited);
    const name = (await readdir(portsFolder)).find((entry) => entry.endsWith(".ports"));
    const text = name === undefined ? "" : await readFile(join(portsFolder, name), "utf8");
    // The file is there before its content is.
    if (text.trimEnd().endsWith("}")) return portsFile.parse(JSON.parse(text)).nats[0] as string;
    await sleep(pollMs);
  }
}

import { readFileSync } from "node:fs";
import { freemem, totalmem } from "node:os";
import { dirname, join } from "node:path";

/** Memory of the machine or of the control group that this process lives in, whichever is less. */
export interface Memory {
  readonly totalBytes: number;
  /** What can still be used: unused memory and caches that can be dropped. */
  readonly freeBytes: number;
}

/** What the limits are read from; tests give their own. */
export interface MemorySources {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** A file's text; undefined when it cannot be read. */
  read(path: string): string | undefined;
}

const cgroupRoot = "/sys/fs/cgroup";

/** Memory as it is now. Knows cgroup v2, where every ancestor may set a limit, and cgroup v1's own limit. */
export function readMemory(sources: MemorySources = systemSources()): Memory {
  let { totalBytes, freeBytes } = sources;
  for (const group of controlGroups(sources)) {
    const limitBytes = numberIn(sources.read(group.limit));
    const usedBytes = numberIn(sources.read(group.used));
    // v1 writes a number beyond all memory where there is no limit, v2 the word max.
    if (limitBytes === undefined || usedBytes === undefined || limitBytes >= sources.totalBytes) continue;
    const droppableBytes = inactiveFileBytes(sources.read(group.stat));
    totalBytes = Math.min(totalBytes, limitBytes);
    freeBytes = Math.min(freeBytes, Math.max(0, limitBytes - usedBytes + droppableBytes));
  }
  return { totalBytes, freeBytes };
}

interface GroupFiles {
  readonly limit: string;
  readonly used: string;
  readonly stat: string;
}

/** The groups whose limits count, innermost first. */
function controlGroups(sources: MemorySources): GroupFiles[] {
  const lines = sources.read("/proc/self/cgroup")?.split("\n") ?? [];
  const own = lines.find((line) => line.startsWith("0::"))?.slice(3);
  const groups: GroupFiles[] = [];
  for (let path = own; path !== undefined; path = path === "/" ? undefined : dirname(path)) {
    const folder = join(cgroupRoot, path);
    groups.push({
      limit: join(folder, "memory.max"),
      used: join(folder, "memory.current"),
      stat: join(folder, "memory.stat"),
    });
  }
  const v1 = join(cgroupRoot, "memory");
  groups.push({
    limit: join(v1, "memory.limit_in_bytes"),
    used: join(v1, "memory.usage_in_bytes"),
    stat: join(v1, "memory.stat"),
  });
  return groups;
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

/** File pages that have not been used lately count as used until somebody needs the room. */
function inactiveFileBytes(stat: string | undefined): number {
  return Number(/^(?:total_)?inactive_file (\d+)$/m.exec(stat ?? "")?.[1] ?? 0);
}

function systemSources(): MemorySources {
  return { totalBytes: totalmem(), freeBytes: availableBytes(), read: readIfThere };
}

/** Linux's own estimate counts droppable caches; os.freemem does on some versions of Node only. */
function availableBytes(): number {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readIfThere("/proc/meminfo") ?? "")?.[1];
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1024;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not Linux, or another version of control groups: there is no limit to know of.
    return undefined;
  }
}

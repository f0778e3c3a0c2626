import { expect, test } from "vitest";
import { readMemory } from "./free-memory.js";

const machine = { totalBytes: 16_000, freeBytes: 9_000 };

function memoryWith(files: Record<string, string>) {
  return readMemory({ ...machine, read: (path) => files[path] });
}

test("without control groups it is the machine's", () => {
  expect(memoryWith({})).toEqual(machine);
});

test("a limit leaves what the group does not use, dropped caches included", () => {
  const files = {
    "/proc/self/cgroup": "0::/pod/app\n",
    "/sys/fs/cgroup/pod/app/memory.max": "max\n",
    "/sys/fs/cgroup/pod/app/memory.current": "100\n",
    "/sys/fs/cgroup/pod/memory.max": "4000\n",
    "/sys/fs/cgroup/pod/memory.current": "3000\n",
    "/sys/fs/cgroup/pod/memory.stat": "anon 10\ninactive_file 500\nactive_file 9\n",
  };
  expect(memoryWith(files)).toEqual({ totalBytes: 4_000, freeBytes: 1_500 });
});

test("the tightest of machine and groups counts", () => {
  const files = {
    "/proc/self/cgroup": "0::/\n",
    "/sys/fs/cgroup/memory.max": "15000\n",
    "/sys/fs/cgroup/memory.current": "1000\n",
  };
  expect(memoryWith(files)).toEqual({ totalBytes: 15_000, freeBytes: 9_000 });
  const over = { ...files, "/sys/fs/cgroup/memory.current": "15500\n" };
  expect(memoryWith(over).freeBytes).toBe(0);
});

test("version 1 is read too, and its limit that is none is not one", () => {
  const files = {
    "/proc/self/cgroup": "4:memory:/docker/abc\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2000\n",
    "/sys/fs/cgroup/memory/memory.usage_in_bytes": "1500\n",
    "/sys/fs/cgroup/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 200\n",
  };
  expect(memoryWith(files)).toEqual({ totalBytes: 2_000, freeBytes: 501 });
  const none = { ...files, "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" };
  expect(memoryWith(none)).toEqual(machine);
});

test("the machine that runs this has memory", () => {
  const { totalBytes, freeBytes } = readMemory();
  expect(freeBytes).toBeGreaterThan(0);
  expect(totalBytes).toBeGreaterThanOrEqual(freeBytes);
});

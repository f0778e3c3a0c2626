import { expect, test } from "vitest";
import { temporaryHome } from "../test/fixtures/temporary-home.js";
import { coordinatorAddress, dialable } from "./client.js";
import { type ClusterFile, describeProcess, writeClusterFile } from "./state/cluster-file.js";

test.each([
  ["0.0.0.0:7070", "127.0.0.1:7070"],
  [":7070", "127.0.0.1:7070"],
  ["[::]:7070", "127.0.0.1:7070"],
  ["[::1]:7070", "[::1]:7070"],
  ["10.0.0.1:7070", "10.0.0.1:7070"],
])("what listens on %s is reached at %s", (address, target) => expect(dialable(address)).toBe(target));

test("the coordinator is the given one, else the one that runs in the home, else the usual one", async () => {
  const home = await temporaryHome();
  expect(await coordinatorAddress(home, undefined)).toBe("127.0.0.1:7070");
  const owner = await describeProcess("up", process.pid);
  if (owner === undefined) throw new Error("this process lives");
  const facts = { processes: [], cluster: "c", model: "m", variant: "f32", grpc: "127.0.0.1:5" };
  const file: ClusterFile = { formatVersion: 1, owner, ...facts };
  await writeClusterFile(home, file);
  expect(await coordinatorAddress(home, undefined)).toBe("127.0.0.1:5");
  expect(await coordinatorAddress(home, "10.0.0.1:6")).toBe("10.0.0.1:6");
  await writeClusterFile(home, { ...file, owner: { ...owner, identity: "another" } });
  expect(await coordinatorAddress(home, undefined)).toBe("127.0.0.1:7070");
});

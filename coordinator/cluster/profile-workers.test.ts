import { expect, test } from "vitest";
import type { MeasureReply__Output } from "../../proto/gen/stagecoach/v1/MeasureReply.js";
import { profileWorkers } from "./profile-workers.js";

const time = { alphaMs: 1, betaMs: 0, points: [] };
const reply: MeasureReply__Output = {
  layerDecode: time,
  layerPrefill: time,
  embedding: time,
  head: time,
  stage: time,
  attentionMsPerToken: 0,
  contextTokens: 160,
  freeMemoryBytes: 1,
  unsteady: false,
  blockSize: 256,
  kvBytesPerTokenLayer: 0,
  weights: [],
};

/** Workers that note when they begin and end, and end when they are told to. */
function candidatesOn(devices: Readonly<Record<string, string>>) {
  const seen: string[] = [];
  const endings = new Map<string, (error?: Error) => void>();
  const candidates = Object.entries(devices).map(([workerId, deviceId]) => ({
    device: deviceId === "" ? "cpu" : "cuda:0",
    deviceId,
    client: {
      workerId,
      measure: async () => {
        seen.push(workerId);
        await new Promise<void>((resolve, reject) => {
          endings.set(workerId, (error) => (error === undefined ? resolve() : reject(error)));
        });
        return reply;
      },
    },
  }));
  return { candidates, seen, end: (workerId: string, error?: Error) => endings.get(workerId)?.(error) };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test("workers on one GPU are measured in turn, the others at once", async () => {
  const { candidates, seen, end } = candidatesOn({ a: "GPU-1", b: "GPU-1", c: "GPU-2", d: "", e: "" });
  const profiled = profileWorkers(candidates, {});
  await settled();
  expect(seen.toSorted()).toEqual(["a", "c", "d", "e"]);
  end("a");
  await settled();
  expect(seen).toContain("b");
  for (const name of ["b", "c", "d", "e"]) end(name);
  const profiles = (await profiled).map(({ profile }) => profile);
  expect(profiles.map(({ deviceId }) => deviceId)).toEqual(["GPU-1", "GPU-1", "GPU-2", undefined, undefined]);
  expect(profiles[0]).not.toHaveProperty("weights");
});

test("who fails fails all, and holds up nobody", async () => {
  const { candidates, seen, end } = candidatesOn({ a: "GPU-1", b: "GPU-1" });
  const profiled = profileWorkers(candidates, {});
  await settled();
  end("a", new Error("gone"));
  await expect(profiled).rejects.toThrow("gone");
  await settled();
  expect(seen).toEqual(["a", "b"]);
  end("b");
});

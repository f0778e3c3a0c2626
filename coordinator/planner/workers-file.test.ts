import { describe, expect, test } from "vitest";
import { parseWorkersFile } from "./workers-file.js";

const time = { alphaMs: 1, betaMs: 0.1 };
const worker = {
  workerId: "a",
  layerDecode: time,
  layerPrefill: time,
  embedding: time,
  head: time,
  freeMemoryBytes: 1e9,
};

test("reads workers and fills in what may be left out", () => {
  expect(parseWorkersFile(JSON.stringify({ workers: [worker] }), "rack.json")).toEqual({
    workers: [{ ...worker, device: "cpu" }],
    links: [],
    concurrency: 16,
    kvTokens: 16_384,
  });
});

test("reads links, to and from the coordinator too", () => {
  const link = { from: "", to: "a", roundTripMs: 0.5, bytesPerSecond: 1e9 };
  expect(parseWorkersFile(JSON.stringify({ workers: [worker], links: [link] }), "rack.json").links).toEqual([
    link,
  ]);
});

describe("errors name the place and its value", () => {
  const link = { from: "a", to: "z", roundTripMs: 1, bytesPerSecond: 1 };
  test.each([
    { document: "{", message: "rack.json does not describe workers: it is not JSON" },
    { document: "[]", message: "the document is []: " },
    { document: JSON.stringify({ workers: [] }), message: "workers is []: " },
    {
      document: JSON.stringify({ workers: [worker, { ...worker, head: { alphaMs: 1, betaMs: -3 } }] }),
      message: "workers[1].head.betaMs is -3: ",
    },
    {
      document: JSON.stringify({ workers: [{ ...worker, freeMemoryBytes: undefined }] }),
      message: "workers[0].freeMemoryBytes is missing: ",
    },
    { document: JSON.stringify({ workers: [worker], speed: 1 }), message: 'Unrecognized key: "speed"' },
    {
      document: JSON.stringify({ workers: [worker], links: [link] }),
      message: 'links[0].to is "z", which is none of the workers',
    },
  ])("$message", ({ document, message }) => {
    const parsing = () => parseWorkersFile(document, "rack.json");
    expect(parsing).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(parsing).toThrow(message);
  });
});

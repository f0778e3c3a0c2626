import { parseArgs } from "node:util";
import { encodeForward, encodeOpen } from "../common/frame-codec.js";
import { greedySampling } from "../common/greedy-sampling.js";
import { frameBytes } from "../common/wire/frame-bytes.js";
import { linkTokenBytes } from "../common/wire/link-framing.js";
import type { Manifest } from "../model/store/manifest.js";
import type { Frame } from "../proto/gen/stagecoach/v1/Frame.js";
import type { RunnerSpec } from "../stage-worker/engine/create-runner.js";
import { EngineHost } from "../stage-worker/engine/engine-host.js";
import { openPortLink } from "../stage-worker/engine/port-link.js";
import { randomModel } from "./gpu/random-model.js";

const usage = `Times the hop between two stages by transfer in a process and over a link, and prints JSON lines.

  node dist/bench/hop-times.js [--rows 1,16,128,512,2048] [--steps 200] [--compute-ms 5] [--turns 2]

Both stages are engines of this process that wait instead of computing, with hidden states of the 1B shape in f16.
A hop ends when the second engine, which is idle, has read the frame.`;

const ways = ["transfer", "link"] as const;
type Way = (typeof ways)[number];

const { values: given } = parseArgs({
  options: {
    rows: { type: "string", default: "1,16,128,512,2048" },
    steps: { type: "string", default: "200" },
    "compute-ms": { type: "string", default: "5" },
    turns: { type: "string", default: "2" },
    help: { type: "boolean", default: false },
  },
});
if (given.help) console.log(usage);
else await main();

async function main(): Promise<void> {
  const manifest = paperManifest();
  for (const rows of given.rows.split(",").map(Number)) {
    for (let turn = 0; turn < Number(given.turns); turn++) {
      for (const way of ways) await timeHops(manifest, rows, way);
    }
  }
}

async function timeHops(manifest: Manifest, rows: number, way: Way): Promise<void> {
  const steps = Number(given.steps);
  const pair = await openPair(manifest, rows, steps, way);
  let step = 0;
  const submit = (payload: Pick<Frame, "open" | "forward">): void =>
    pair.first.submit(frameBytes({ epoch: 1, step: ++step, lane: 0, ...payload }));
  const sampling = { ...greedySampling, seed: 1 };
  const history = new Uint32Array();
  submit({
    open: encodeOpen([
      { sequenceId: 1, history, promptLength: rows * steps, sampling, cachedLength: 0, cachedBlocks: [] },
    ]),
  });
  const startedMs = performance.now();
  for (let at = 0; at < steps; at++) {
    const answered = pair.nextOutput();
    const batch = {
      lane: 0,
      sequenceIds: [1],
      contextLengths: [at * rows],
      lengths: [rows],
      sample: [true],
      newBlocks: [[at]],
    };
    submit({ forward: encodeForward(batch, { kind: "tokens", tokenIds: new Uint32Array(rows) }, 0) });
    await answered;
  }
  const stepMs = (performance.now() - startedMs) / steps;
  const { hopP50Us, hopP99Us } = pair.second.stats();
  const kilobytes = (rows * manifest.config.hiddenSize * 2) / 1000;
  console.log(
    JSON.stringify({ rows, kilobytes, way, hopP50Us, hopP99Us, stepMs: Number(stepMs.toFixed(2)) }),
  );
  await Promise.all([pair.first.close(), pair.second.close()]);
}

/** Two stages, of which the first knows its way to the second. */
async function openPair(manifest: Manifest, rows: number, steps: number, way: Way) {
  let answer = (): void => undefined;
  const spec = specOf(manifest, rows, steps);
  const { signal } = new AbortController();
  const onBroken = (reason: unknown): never => {
    throw reason;
  };
  const framesToken = new Uint8Array(linkTokenBytes);
  const second = await EngineHost.start(
    {
      spec: spec({ embedding: false, head: true }),
      place: { epoch: 1, stageIndex: 1, nextAddress: "" },
      listen: { host: "127.0.0.1", framesToken },
    },
    {
      onBroken,
      onNews: (news) => {
        if (news.kind === "failed") onBroken(news.failure.message);
        if (news.kind !== "output") return;
        second.resultSent();
        answer();
      },
    },
    signal,
  );
  const first = await EngineHost.start(
    {
      spec: spec({ embedding: true, head: false }),
      place: { epoch: 1, stageIndex: 0, nextAddress: "second" },
    },
    { onBroken, onNews: (news) => (news.kind === "failed" ? onBroken(news.failure.message) : undefined) },
    signal,
  );
  if (way === "link") first.takeWay({ host: "127.0.0.1", port: second.linkPort, token: framesToken });
  else {
    const { out, into } = openPortLink();
    second.takePort(into);
    first.takeWay({ here: out });
  }
  const nextOutput = (): Promise<void> =>
    new Promise((resolve) => {
      answer = resolve;
    });
  return { first, second, nextOutput };
}

function specOf(manifest: Manifest, rows: number, steps: number) {
  const none = { alphaMs: 0, betaMs: 0 };
  const time = { alphaMs: Number(given["compute-ms"]), betaMs: 0 };
  return (part: { embedding: boolean; head: boolean }): RunnerSpec => ({
    device: "simulated",
    simulation: { layerDecode: time, layerPrefill: time, embedding: none, head: none },
    options: {
      ...part,
      manifest,
      blobsFolder: "",
      firstLayer: 0,
      endLayer: 1,
      blockSize: rows,
      blockCount: steps,
      maxSequences: 1,
      laneCount: 1,
      maxContext: rows * steps + 1,
      threads: 1,
      memoryLimitBytes: Number.MAX_SAFE_INTEGER,
      activationDtype: "FLOAT16",
    },
  });
}

/** Of a model whose weights nobody needs. */
function paperManifest(): Manifest {
  const { config, origin } = randomModel("1b");
  return {
    formatVersion: 1,
    model: "paper",
    variant: "f16",
    origin,
    config: { ...config, ropeScaling: { kind: "none" } },
    blobs: [],
    tokenizer: { sha256: "", sizeBytes: 0 },
    generationDefaults: {},
    packedAt: "",
  };
}

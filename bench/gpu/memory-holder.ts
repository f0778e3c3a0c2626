import { mkdir, open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { InferenceSession } from "onnxruntime-node";
import { StagecoachError } from "../../common/errors.js";
import { homeAt } from "../../common/home.js";
import { GraphBuilder } from "../../model/graph/graph-builder.js";
import { writeStageGraph } from "../../model/graph/write-stage-graph.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { deviceFailureOf } from "../../stage-worker/engine/device-failure.js";
import { cudaProvider } from "../../stage-worker/engine/paged/cuda-provider.js";
import { makesTwo, oneAndOneGraph } from "../../stage-worker/engine/paged/one-and-one.js";
import type { Provider } from "../../stage-worker/engine/paged/provider.js";
import { webgpuProvider } from "../../stage-worker/engine/paged/webgpu-provider.js";

const usage = `Holds memory of a GPU until it is ended, and prints a JSON line once it does: for trying out a full card.

  node dist/bench/gpu/memory-holder.js --home DIR [--device cuda] [--seconds 600] --leave BYTES | --take BYTES

--leave takes all but so much, where the device tells what is free.`;

const bytesPerValue = 2;
const rowValues = 1024;
const mebibyte = 1_048_576;
/** Of one constant. */
const chunkBytes = 256 * mebibyte;
/** Taken less each time that it is refused. */
const stepBytes = 16 * mebibyte;

/** A session that nobody refers to gives its memory back. */
const sessions: InferenceSession[] = [];

const { values: given } = parseArgs({
  options: {
    home: { type: "string", default: "" },
    device: { type: "string", default: "cuda" },
    seconds: { type: "string", default: "600" },
    leave: { type: "string" },
    take: { type: "string" },
  },
});
await main();

async function main(): Promise<void> {
  if (given.home === "" || (given.leave === undefined) === (given.take === undefined)) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const provider = providerOf(given.device);
  const folder = join(homeAt(given.home).state, "bench", "gpu", "held");
  await mkdir(folder, { recursive: true });
  // The driver's own share of a process is taken before anything is counted.
  await makesTwo(await provider.open(await writeStageGraph(folder, oneAndOneGraph())));
  const held =
    given.take === undefined
      ? await holdAllBut(Number(given.leave), provider, folder)
      : await hold(Number(given.take), provider, folder);
  const memory = await provider.memory?.();
  console.log(
    JSON.stringify({ kind: "holding", bytes: held, ...(memory && { freeBytes: memory.freeBytes }) }),
  );
  await sleep(Number(given.seconds) * 1000);
}

function providerOf(name: string): Provider {
  const { device, deviceIndex = 0 } = parseDevice(name);
  if (device === "cuda") return cudaProvider(deviceIndex);
  if (device === "webgpu") return webgpuProvider();
  throw new StagecoachError("INVALID_ARGUMENT", `--device ${name} has no memory of its own to hold`);
}

/** First nearly all, which takes seconds, then the rest, which may have to be tried several times. */
async function holdAllBut(leaveBytes: number, provider: Provider, folder: string): Promise<number> {
  let held = 0;
  for (const marginBytes of [chunkBytes, 0]) {
    const memory = await provider.memory?.();
    if (memory === undefined) throw tellsNothing(provider.name);
    held += await hold(memory.freeBytes - leaveBytes - marginBytes, provider, folder);
  }
  return held;
}

/** Takes as many bytes, or a little less where that is too much. Returns what it took. */
async function hold(bytes: number, provider: Provider, folder: string): Promise<number> {
  const rows = Math.floor(bytes / (rowValues * bytesPerValue));
  if (rows <= 0) return 0;
  try {
    sessions.push(await provider.open(await writeStageGraph(folder, await heldGraph(folder, rows))));
    return rows * rowValues * bytesPerValue;
  } catch (reason) {
    if (deviceFailureOf(reason) !== "memory") throw reason;
    return await hold(bytes - stepBytes, provider, folder);
  }
}

/** So many rows of zeros as constants, which a session keeps on its device because its nodes read them. */
async function heldGraph(folder: string, rows: number): Promise<Uint8Array> {
  const file = "held-zeros";
  await makeSparse(join(folder, file), chunkBytes);
  const graph = new GraphBuilder();
  const place = graph.input("place", "i64", [1]);
  const chunkRows = chunkBytes / (rowValues * bytesPerValue);
  let sum: string | undefined;
  for (let first = 0; first < rows; first += chunkRows) {
    const count = Math.min(chunkRows, rows - first);
    const sizeBytes = count * rowValues * bytesPerValue;
    const data = { file, offsetBytes: 0, sizeBytes };
    const row = graph.op("Gather", [graph.external(`held.${first}`, "f16", [count, rowValues], data), place]);
    sum = sum === undefined ? row : graph.op("Add", [sum, row]);
  }
  graph.output("sum", sum as string, "f16", [1, rowValues]);
  return graph.model();
}

async function makeSparse(path: string, sizeBytes: number): Promise<void> {
  const file = await openFile(path, "a");
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}

function tellsNothing(name: string): StagecoachError {
  return new StagecoachError("FAILED_PRECONDITION", `${name} does not tell what is free: give --take`);
}

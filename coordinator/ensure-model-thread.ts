import { parentPort, workerData } from "node:worker_threads";
import { type Code, StagecoachError } from "../common/errors.js";
import { type EnsureModelOptions, ensureModel } from "../model/pull/ensure-model.js";
import { progressLines } from "../model/pull/model-progress.js";
import type { Manifest } from "../model/store/manifest.js";

/** What the thread is started with. */
export interface EnsureModelThreadData {
  readonly model: Pick<EnsureModelOptions, "home" | "nameOrPath" | "variant">;
}

/** Lines of progress, then one of the others. */
export type FromEnsureModel =
  | { kind: "progress"; line: string }
  | { kind: "ready"; manifest: Manifest }
  | { kind: "failed"; code: Code; message: string };

/** Entry of the thread that gets a model ready: packing computes for seconds at a time. */
async function main({ model }: EnsureModelThreadData): Promise<void> {
  const post = (message: FromEnsureModel): void => parentPort?.postMessage(message);
  try {
    const onProgress = progressLines((line) => post({ kind: "progress", line }));
    post({ kind: "ready", manifest: await ensureModel({ ...model, onProgress }) });
  } catch (reason) {
    const { code, message } = StagecoachError.from(reason);
    post({ kind: "failed", code, message });
  }
}

void main(workerData as EnsureModelThreadData);

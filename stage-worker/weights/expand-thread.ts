import { parentPort, workerData } from "node:worker_threads";
import type { Home } from "../../common/home.js";
import { ensureExpanded } from "../../model/expand/ensure-expanded.js";
import type { Blob } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { type EngineFailure, failureOf } from "../engine/engine-messages.js";

/** What the thread is started with. */
export interface ExpandThreadData {
  readonly home: Home;
}

/** To the thread: a blob to expand, or to stop. */
export type ToExpand = { kind: "blob"; blob: Blob } | { kind: "stop" };

/** From it: how far the blob is, what became of it, or why nothing did. */
export type FromExpand =
  | { kind: "bytes"; doneBytes: number }
  | { kind: "done"; expanded: Blob }
  | { kind: "broken"; failure: EngineFailure };

/** Entry of a thread that expands blobs, one after another: it computes, which the thread of gRPC must not. */
function main({ home }: ExpandThreadData): void {
  const store = openStore(home);
  const stopped = new AbortController();
  parentPort?.on("message", (message: ToExpand) => {
    if (message.kind === "stop") {
      stopped.abort();
      parentPort?.close();
      return;
    }
    const onBytes = (doneBytes: number): void => post({ kind: "bytes", doneBytes });
    ensureExpanded(store, message.blob, { signal: stopped.signal, onBytes })
      .then((expanded) => post({ kind: "done", expanded }))
      .catch((reason: unknown) => post({ kind: "broken", failure: failureOf(reason) }));
  });
}

function post(message: FromExpand): void {
  parentPort?.postMessage(message);
}

main(workerData as ExpandThreadData);

import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

// Only for running from source; see start-thread.ts.
register();
await import(workerData.entry);

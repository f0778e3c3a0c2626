import { Worker } from "node:worker_threads";

/**
 * Starts a thread from a module of this folder, named without its ending. From dist/ that is plain
 * JavaScript; from source (tests, tsx) the thread has to learn TypeScript first, since loaders of the main
 * thread do not reach it.
 */
export function startThread(module: string, data: object): Worker {
  if (!import.meta.url.endsWith(".ts")) {
    return new Worker(new URL(`./${module}.js`, import.meta.url), { workerData: data, name: module });
  }
  const entry = new URL(`./${module}.ts`, import.meta.url).href;
  return new Worker(new URL("./thread-from-source.mjs", import.meta.url), {
    workerData: { ...data, entry },
    name: module,
  });
}

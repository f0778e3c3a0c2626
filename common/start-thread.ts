import { type TransferListItem, Worker } from "node:worker_threads";

/**
 * Starts a thread from the module `name`, named without its ending, in the folder of the module `from`
 * (its `import.meta.url`). From dist/ that is plain JavaScript; from source (tests, tsx) the thread has to learn
 * TypeScript first, since loaders of the main thread do not reach it. `moved` is what of the data goes there.
 */
export function startThread(
  from: string,
  name: string,
  data: object,
  moved: readonly TransferListItem[] = [],
): Worker {
  const transferList = [...moved];
  if (!from.endsWith(".ts")) {
    return new Worker(new URL(`./${name}.js`, from), { workerData: data, transferList, name });
  }
  const entry = new URL(`./${name}.ts`, from).href;
  return new Worker(new URL("./thread-from-source.mjs", import.meta.url), {
    workerData: { ...data, entry },
    transferList,
    name,
  });
}

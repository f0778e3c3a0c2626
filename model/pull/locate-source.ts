import { basename, join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { statIfThere } from "../store/disk.js";
import { modelNameFrom } from "../store/model-name.js";
import type { ModelStore } from "../store/model-store.js";
import { isUnchanged, readSourceRecord, type SourceRecord } from "../store/source-record.js";
import { chooseFiles } from "./choose-files.js";
import { downloadFromHub, type FetchContext } from "./download-source.js";
import { listHubFiles } from "./hub-access.js";
import { knownModels } from "./known-models.js";
import { type ModelReference, parseModelReference, spell } from "./model-reference.js";
import { pullKnownModel } from "./pull-known-model.js";

/** A source on this machine, ready to be opened. */
export interface LocatedSource {
  /** What the model is called in the store, unless the user chose a name. */
  readonly name: string;
  readonly path: string;
  readonly reference: string;
  readonly downloaded: boolean;
}

/**
 * Finds a model's source on this machine or fetches it.
 *
 * @throws StagecoachError NOT_FOUND naming the way out; what fetching throws.
 */
export async function locateSource(
  context: FetchContext,
  store: ModelStore,
  wanted: ModelReference,
  record: { readonly name: string; readonly record: SourceRecord } | undefined,
): Promise<LocatedSource> {
  if (record?.record.downloaded && (await isUnchanged(record.record))) {
    return { ...record.record, name: record.name };
  }
  switch (wanted.kind) {
    case "path":
      return locatePath(wanted.path);
    case "hub":
      return fetchRepository(context, wanted.repository, wanted.selector).catch(addWayOut);
    case "name":
      return locateName(context, store, wanted.name);
  }
}

async function locatePath(path: string): Promise<LocatedSource> {
  if ((await statIfThere(path)) === undefined) {
    throw new StagecoachError(
      "NOT_FOUND",
      `there is no ${path}: give the path of a GGUF file or of a folder with safetensors, a repository such as ` +
        "org/name, or a name that `stagecoach list` shows",
    );
  }
  const name = modelNameFrom(basename(path).replace(/\.gguf$/i, ""));
  return { name, path, reference: path, downloaded: false };
}

async function locateName(context: FetchContext, store: ModelStore, name: string): Promise<LocatedSource> {
  const record = await readSourceRecord(store.home, name);
  if (record !== undefined && record.reference !== name) {
    const source = await parseModelReference(store, record.reference);
    if (source.kind !== "name") return { ...(await locateSource(context, store, source, undefined)), name };
  }
  const known = knownModels.get(name);
  if (known !== undefined) {
    return { name, path: await pullKnownModel(context, known), reference: name, downloaded: true };
  }
  throw new StagecoachError(
    "NOT_FOUND",
    `no model is called ${name}: \`stagecoach list\` shows those in the store; others are named by a path, by a ` +
      `repository such as org/name:Q4_K_M, or by one of ${[...knownModels.keys()].join(", ")}`,
  );
}

async function fetchRepository(
  context: FetchContext,
  repository: string,
  selector: string | undefined,
): Promise<LocatedSource> {
  const reference = spell({ kind: "hub", repository, ...(selector === undefined ? {} : { selector }) });
  const files = await listHubFiles(context.tools, { repository }, context.signal);
  const chosen = chooseFiles(repository, files, selector);
  const folder = join(context.home.sources, ...repository.split("/"));
  if (chosen.kind === "gguf") {
    const path = join(folder, chosen.file.path);
    await downloadFromHub(context, { repository }, chosen.file, path);
    const name = modelNameFrom(basename(path).replace(/\.gguf$/i, ""));
    return { name, path, reference, downloaded: true };
  }
  const path = join(folder, "safetensors");
  for (const file of chosen.files)
    await downloadFromHub(context, { repository }, file, join(path, file.path));
  return { name: modelNameFrom(basename(repository)), path, reference, downloaded: true };
}

function addWayOut(reason: unknown): never {
  const error = StagecoachError.from(reason);
  if (error.code !== "UNAVAILABLE") throw error;
  throw new StagecoachError(
    "UNAVAILABLE",
    `${error.message}: try again later, or download it elsewhere and run \`stagecoach pull\` with its path`,
    { cause: error },
  );
}

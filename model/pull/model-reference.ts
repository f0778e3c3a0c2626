import { resolve } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { statIfThere } from "../store/disk.js";
import type { Variant } from "../store/manifest.js";
import { parseModelName } from "../store/model-name.js";
import type { ModelStore } from "../store/model-store.js";
import { listSourceRecords, readSourceRecord, type SourceRecord } from "../store/source-record.js";
import { knownModels } from "./known-models.js";

/** What a user means by a model. */
export type ModelReference =
  /** In the store or known to stagecoach. */
  | { readonly kind: "name"; readonly name: string; readonly variant?: Variant }
  /** A GGUF file or a folder of safetensors; absolute. */
  | { readonly kind: "path"; readonly path: string }
  /** A repository on the hub and a file or quantization in it. */
  | { readonly kind: "hub"; readonly repository: string; readonly selector?: string };

const hubPattern = /^([A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95})(?::([^\0]{1,400}))?$/;

/**
 * Tells names, paths and repositories apart. What looks like a path is one; a name in the store or known to
 * stagecoach comes before a file of the same name, and that before a repository.
 *
 * @throws StagecoachError INVALID_ARGUMENT for what is none of them.
 */
export async function parseModelReference(store: ModelStore, text: string): Promise<ModelReference> {
  const path = { kind: "path", path: resolve(text) } as const;
  if (/^(\/|\.{1,2}(\/|$))/.test(text)) return path;
  const [, repository, selector] = hubPattern.exec(text) ?? [];
  const exists = text !== "" && (await statIfThere(path.path)) !== undefined;
  if (repository !== undefined) {
    return exists ? path : { kind: "hub", repository, ...(selector === undefined ? {} : { selector }) };
  }
  if (exists && !(await isKnown(store, text))) return path;
  if (text.includes("/") || /\.gguf$/i.test(text)) return path;
  return { kind: "name", ...parseModelName(text) };
}

/** One spelling for a reference, kept with the source. */
export function spell(reference: ModelReference): string {
  switch (reference.kind) {
    case "name":
      return reference.name;
    case "path":
      return reference.path;
    case "hub":
      return reference.selector === undefined
        ? reference.repository
        : `${reference.repository}:${reference.selector}`;
  }
}

/** The record of the source that a reference means, where the store has a model from it, and that model's name. */
export async function findRecord(
  home: Home,
  wanted: ModelReference,
  name?: string,
): Promise<{ name: string; record: SourceRecord } | undefined> {
  if (wanted.kind === "name") {
    const record = await readSourceRecord(home, wanted.name);
    return record && { name: wanted.name, record };
  }
  const reference = spell(wanted);
  const records = await listSourceRecords(home);
  return records.find((each) => each.record.reference === reference && (name ?? each.name) === each.name);
}

/** What the store calls the model that `text` means; undefined when it has none from there. */
export async function nameInStore(store: ModelStore, text: string): Promise<string | undefined> {
  const wanted = await parseModelReference(store, text);
  if (wanted.kind === "name") return wanted.name;
  return (await findRecord(store.home, wanted))?.name;
}

async function isKnown(store: ModelStore, text: string): Promise<boolean> {
  try {
    const { name } = parseModelName(text);
    if (knownModels.has(name) || (await readSourceRecord(store.home, name)) !== undefined) return true;
    return (await store.variantsOf(name)).length > 0;
  } catch (error) {
    if (error instanceof StagecoachError && error.code === "INVALID_ARGUMENT") return false;
    throw error;
  }
}

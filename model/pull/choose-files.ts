import { StagecoachError } from "../../common/errors.js";
import type { HubFile } from "./hub-access.js";

/** The files of a repository that make one model. */
export type ModelFiles =
  | { readonly kind: "gguf"; readonly file: HubFile }
  | { readonly kind: "safetensors"; readonly files: readonly HubFile[] };

// What others take too when a repository has many and the user names none.
const usualQuantization = "Q4_K_M";

const describingFiles = [
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "chat_template.jinja",
  "chat_template.json",
  "added_tokens.json",
  "model.safetensors.index.json",
];

/**
 * Picks what to download from a repository: the GGUF that `selector` names by its file name or by a
 * quantization in it (`Q8_0`); without a selector the safetensors, or the only GGUF, or the one in Q4_K_M.
 *
 * @throws StagecoachError NOT_FOUND or FAILED_PRECONDITION naming what the repository has.
 */
export function chooseFiles(repository: string, files: readonly HubFile[], selector?: string): ModelFiles {
  const ggufs = files.filter(({ path }) => /\.gguf$/i.test(path) && !/(^|\/)mmproj/i.test(path));
  if (selector !== undefined) return chooseGguf(repository, ggufs, selector);
  const weights = files.filter(({ path }) => /^[^/]+\.safetensors$/.test(path));
  if (weights.length > 0 && files.some(({ path }) => path === "config.json")) {
    return {
      kind: "safetensors",
      files: [...files.filter(({ path }) => describingFiles.includes(path)), ...modelWeights(weights)],
    };
  }
  const [only] = ggufs;
  if (only === undefined) {
    throw new StagecoachError(
      "NOT_FOUND",
      `${repository} has neither a GGUF file nor safetensors with a config.json: choose another repository`,
    );
  }
  return ggufs.length === 1 ? whole(repository, only) : chooseGguf(repository, ggufs, usualQuantization);
}

/** Some repositories carry a second copy of the weights in one file for other programs. */
function modelWeights(weights: readonly HubFile[]): readonly HubFile[] {
  const usual = weights.filter(({ path }) => /^model(-\d+-of-\d+)?\.safetensors$/.test(path));
  return usual.length > 0 ? usual : weights;
}

function chooseGguf(repository: string, ggufs: readonly HubFile[], selector: string): ModelFiles {
  const exact = ggufs.find(({ path }) => path === selector);
  if (exact !== undefined) return whole(repository, exact);
  const wanted = selector.toLowerCase();
  const matching = ggufs.filter(({ path }) => wordsOf(path).includes(wanted));
  const [match] = matching;
  if (match !== undefined && matching.length === 1) return whole(repository, match);
  if (match !== undefined && isPart(match)) return whole(repository, match);
  throw new StagecoachError(
    matching.length > 1 ? "FAILED_PRECONDITION" : "NOT_FOUND",
    `${repository} has ${matching.length > 1 ? "several files" : "no GGUF file"} for ${JSON.stringify(selector)}: ` +
      `name one with ${repository}:FILE, of ${listed(matching.length > 1 ? matching : ggufs)}`,
  );
}

function whole(repository: string, file: HubFile): ModelFiles {
  if (isPart(file)) {
    throw new StagecoachError(
      "UNIMPLEMENTED",
      `${file.path} of ${repository} is one part of a split GGUF, which stagecoach does not read: join the parts with ` +
        "llama-gguf-split --merge and pull the joined file by its path",
    );
  }
  return { kind: "gguf", file };
}

function isPart({ path }: HubFile): boolean {
  return /-\d{5}-of-\d{5}\.gguf$/i.test(path);
}

/** `dir/Qwen2.5-Q4_K_M.gguf` has the words qwen2, 5 and q4_k_m. */
function wordsOf(path: string): string[] {
  return path
    .toLowerCase()
    .replace(/\.gguf$/, "")
    .split(/[^a-z0-9_]+/);
}

function listed(files: readonly HubFile[]): string {
  const names = files.slice(0, 30).map(({ path }) => path);
  return files.length > names.length ? `${names.join(", ")} …` : names.join(", ") || "none";
}

import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import type { AddedToken } from "./added-tokens.js";
import { createMergeTable, type IdMerge, type MergeTable } from "./merge-table.js";

const addedToken = z.object({
  id: z.number().int().nonnegative(),
  content: z.string(),
  special: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  single_word: z.boolean().default(false),
});

const optionalText = z.string().nullish();

const bpe = z.object({
  type: z.literal("BPE").default("BPE"),
  /** Checked by `readVocabulary`: a record's schema would lose the token `__proto__`. */
  vocab: z.unknown(),
  /** Each checked by `halves`: a schema would take longer over 280,000 of them than all the rest. */
  merges: z.custom<readonly unknown[]>(Array.isArray, "expected a list"),
  /** Ours, see spm-merges.ts. */
  merge_ranks: z.array(z.number().int().nonnegative()).optional(),
  unk_token: optionalText,
  continuing_subword_prefix: optionalText,
  end_of_word_suffix: optionalText,
  fuse_unk: z.boolean().nullish(),
  byte_fallback: z.boolean().nullish(),
  ignore_merges: z.boolean().nullish(),
});

const tokenizerJson = z.object({
  added_tokens: z.array(addedToken).default([]),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  decoder: z.unknown(),
  model: bpe,
});

/** A tokenizer.json, checked and in ids. */
export interface ParsedTokenizer {
  /** Ids by text; with added tokens, which win. */
  readonly ids: ReadonlyMap<string, number>;
  /** Texts by id; holes where ids are not used. */
  readonly texts: readonly (string | undefined)[];
  readonly addedTokens: readonly AddedToken[];
  readonly merges: MergeTable;
  readonly unknownId: number | undefined;
  readonly fuseUnknown: boolean;
  readonly byteFallback: boolean;
  readonly ignoreMerges: boolean;
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly decoder: unknown;
}

/**
 * Reads the parts of a tokenizer.json that encoding and decoding need.
 * Tokens at or beyond `vocabularySize`, for which the model has no embedding, are left out.
 *
 * @throws StagecoachError UNIMPLEMENTED when the model is not a BPE or uses word affixes, INVALID_ARGUMENT when the
 * JSON is not a tokenizer's.
 */
export function parseTokenizerJson(json: unknown, vocabularySize: number): ParsedTokenizer {
  refuseOtherModels(json);
  const parsed = tokenizerJson.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw broken(`${issue?.path.join(".").slice(0, 120)}: ${issue?.message}`, parsed.error);
  }
  const { model, added_tokens, normalizer, pre_tokenizer, decoder } = parsed.data;
  for (const affix of ["continuing_subword_prefix", "end_of_word_suffix"] as const) {
    if (model[affix]) throw unsupported(`a BPE with ${affix} "${model[affix].slice(0, 20)}"`);
  }
  const ids = readVocabulary(model.vocab, vocabularySize);
  const merges = createMergeTable(mergesInIds(model, ids));
  const added = added_tokens.filter((token) => token.id < vocabularySize);
  const texts: (string | undefined)[] = new Array(vocabularySize).fill(undefined);
  for (const [text, id] of ids) texts[id] = text;
  for (const token of added) {
    ids.set(token.content, token.id);
    texts[token.id] = token.content;
  }
  return {
    ids,
    texts,
    addedTokens: added.map(({ single_word, ...token }) => ({ ...token, singleWord: single_word })),
    merges,
    unknownId: model.unk_token ? ids.get(model.unk_token) : undefined,
    fuseUnknown: model.fuse_unk ?? false,
    byteFallback: model.byte_fallback ?? false,
    ignoreMerges: model.ignore_merges ?? false,
    normalizer,
    preTokenizer: pre_tokenizer,
    decoder,
  };
}

function readVocabulary(vocab: unknown, vocabularySize: number): Map<string, number> {
  if (typeof vocab !== "object" || vocab === null) throw broken("model.vocab is not an object of ids");
  const ids = new Map<string, number>();
  for (const [text, id] of Object.entries(vocab) as [string, unknown][]) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0) {
      throw broken(`model.vocab gives "${text.slice(0, 40)}" the id ${String(id).slice(0, 40)}`);
    }
    if (id < vocabularySize) ids.set(text, id);
  }
  return ids;
}

function mergesInIds(model: z.infer<typeof bpe>, ids: ReadonlyMap<string, number>): IdMerge[] {
  if (model.merge_ranks !== undefined && model.merge_ranks.length !== model.merges.length) {
    throw broken(
      `model.merge_ranks has ${model.merge_ranks.length} entries for ${model.merges.length} merges`,
    );
  }
  const merges: IdMerge[] = [];
  for (const [index, merge] of model.merges.entries()) {
    const [leftText, rightText] = halves(merge);
    const left = ids.get(leftText);
    const right = ids.get(rightText);
    const result = ids.get(leftText + rightText);
    if (left === undefined || right === undefined || result === undefined) continue;
    merges.push({ left, right, result, rank: model.merge_ranks?.[index] ?? index });
  }
  return merges;
}

/** A merge is a pair of texts or, in older files, one text with a space between its parts. */
function halves(merge: unknown): readonly [string, string] {
  if (Array.isArray(merge) && merge.length === 2) {
    const [left, right] = merge as unknown[];
    if (typeof left === "string" && typeof right === "string") return [left, right];
  }
  const space = typeof merge === "string" ? merge.indexOf(" ", 1) : -1;
  if (typeof merge === "string" && space > 0) return [merge.slice(0, space), merge.slice(space + 1)];
  throw broken(`the merge ${JSON.stringify(merge)?.slice(0, 40)} is not two parts with a space between`);
}

function refuseOtherModels(json: unknown): void {
  const model = typeof json === "object" && json !== null && "model" in json ? json.model : undefined;
  const type = typeof model === "object" && model !== null && "type" in model ? model.type : undefined;
  if (typeof type === "string" && type !== "BPE") throw unsupported(`model type "${type.slice(0, 40)}"`);
}

function unsupported(what: string): StagecoachError {
  return new StagecoachError(
    "UNIMPLEMENTED",
    `the tokenizer has ${what}, which is not supported: use a model of the Llama family with a BPE tokenizer`,
  );
}

function broken(what: string, cause?: unknown): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `tokenizer.json is broken: ${what}. Download the model again`,
    { cause },
  );
}

import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import { findJson } from "../source/read-json.js";
import { endsByText, endTokenIds, type NamedToken } from "./end-tokens.js";
import type { TokenizerSpec } from "./tokenizer-spec.js";

/** A token by its text, alone or with how it is matched. */
const tokenText = z
  .union([z.string(), z.object({ content: z.string() }).transform((token) => token.content)])
  .nullish();

const tokenTexts = z.object({
  bos_token: tokenText,
  eos_token: tokenText,
  unk_token: tokenText,
  pad_token: tokenText,
});
type TokenTexts = z.infer<typeof tokenTexts>;
const tokenNames = ["bos_token", "eos_token", "unk_token", "pad_token"] as const;

const tokenizerConfig = tokenTexts.extend({ add_bos_token: z.boolean().nullish() });

const id = z.number().int().nonnegative();
const generationConfig = z.object({ eos_token_id: z.union([id, z.array(id)]).nullish() });

const tokenizerFile = z.looseObject({
  added_tokens: z
    .array(z.object({ id, content: z.string(), special: z.boolean().default(false) }))
    .default([]),
  model: z.looseObject({ vocab: z.unknown() }),
  post_processor: z.unknown(),
});
type TokenizerFile = z.infer<typeof tokenizerFile>;

/**
 * Reads a Hugging Face folder's tokenizer: tokenizer.json, and what tokenizer_config.json,
 * special_tokens_map.json and generation_config.json say about special tokens, each where it is there.
 *
 * @param options.eosTokenIds what the model's config.json calls its end tokens
 * @throws StagecoachError NOT_FOUND without a tokenizer.json, INVALID_ARGUMENT for files that are broken
 * or far larger than any model's.
 */
export async function tokenizerFromFolder(
  folder: string,
  options: { readonly eosTokenIds: readonly number[] },
): Promise<TokenizerSpec> {
  const json = await findJson(folder, "tokenizer.json");
  if (json === undefined) {
    throw new StagecoachError(
      "NOT_FOUND",
      `${folder} has no tokenizer.json: download it from the model's page, or use a GGUF of the same model`,
    );
  }
  const file = check(tokenizerFile, json, "tokenizer.json");
  const config = await readChecked(folder, "tokenizer_config.json", tokenizerConfig);
  const map = await readChecked(folder, "special_tokens_map.json", tokenTexts);
  const generation = await readChecked(folder, "generation_config.json", generationConfig);

  const idOf = idLookup(file);
  const texts = specialTexts(config ?? {}, map ?? {});
  const bosTokenId = idOf(texts["bos_token"]);
  const declared = [idOf(texts["eos_token"]), generation?.eos_token_id, options.eosTokenIds].flat();
  return {
    tokenizerJson: { ...json, added_tokens: withControlEnds(json["added_tokens"], namedTokens(file)) },
    ...(bosTokenId === undefined ? {} : { bosTokenId }),
    addBos:
      bosTokenId !== undefined &&
      (config?.add_bos_token ?? beginsWith(file.post_processor, texts["bos_token"])),
    endTokenIds: endTokenIds(
      namedTokens(file),
      declared.filter((token) => typeof token === "number"),
    ),
    specialTokens: texts,
  };
}

function specialTexts(config: TokenTexts, map: TokenTexts): Record<string, string> {
  const entries = tokenNames.map((name) => [name, config[name] ?? map[name]] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is [(typeof entry)[0], string] => Boolean(entry[1])),
  );
}

function idLookup(file: TokenizerFile): (text: string | undefined) => number | undefined {
  const added = new Map(file.added_tokens.map((token) => [token.content, token.id]));
  const vocab = file.model.vocab;
  return (text) => {
    if (text === undefined) return undefined;
    const known = added.get(text);
    if (known !== undefined) return known;
    if (typeof vocab !== "object" || vocab === null || !Object.hasOwn(vocab, text)) return undefined;
    const found: unknown = Reflect.get(vocab, text);
    return typeof found === "number" ? found : undefined;
  };
}

function namedTokens(file: TokenizerFile): NamedToken[] {
  return file.added_tokens.map((token) => ({ id: token.id, text: token.content, marked: true }));
}

/** Tokens that end a generation are control tokens even where the file calls them text, so that no user can write one. */
function withControlEnds(addedTokens: unknown, named: readonly NamedToken[]): object[] {
  const ends = new Set(named.filter(endsByText).map((token) => token.id));
  const tokens = Array.isArray(addedTokens) ? (addedTokens as { id: number }[]) : [];
  return tokens.map((token) => (ends.has(token.id) ? { ...token, special: true } : token));
}

/** Whether a post-processor puts a token before a single text, as that of tokenizers with a start token does. */
function beginsWith(postProcessor: unknown, text: string | undefined): boolean {
  const parsed = z
    .union([
      z.object({ type: z.literal("TemplateProcessing"), single: z.array(z.unknown()) }),
      z.object({ type: z.literal("Sequence"), processors: z.array(z.unknown()) }),
    ])
    .safeParse(postProcessor);
  if (!parsed.success) return false;
  if (parsed.data.type === "Sequence") return parsed.data.processors.some((inner) => beginsWith(inner, text));
  const first = z.object({ SpecialToken: z.object({ id: z.string() }) }).safeParse(parsed.data.single[0]);
  return first.success && first.data.SpecialToken.id === text;
}

async function readChecked<Shape extends z.ZodType>(
  folder: string,
  name: string,
  shape: Shape,
): Promise<z.infer<Shape> | undefined> {
  const json = await findJson(folder, name);
  return json === undefined ? undefined : check(shape, json, name);
}

function check<Shape extends z.ZodType>(shape: Shape, json: unknown, name: string): z.infer<Shape> {
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw broken(name, `${issue?.path.join(".").slice(0, 120)}: ${issue?.message}`, parsed.error);
}

function broken(name: string, what: string, cause?: unknown): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", `${name} is broken (${what}): download the model again`, {
    cause,
  });
}

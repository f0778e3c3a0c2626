import { StagecoachError } from "../../common/errors.js";
import {
  findBoolean,
  findNumber,
  findNumberArray,
  findString,
  type GgufMetadata,
  getString,
  getStringArray,
} from "../source/gguf-metadata.js";
import { endsByText, endTokenIds } from "./end-tokens.js";
import { type PreTokenizerKind, preTokenizerKind } from "./pre-tokenizer-kinds.js";
import { mergesFromScores } from "./spm-merges.js";
import type { TokenizerSpec } from "./tokenizer-spec.js";

/** `tokenizer.ggml.token_type`. */
const tokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

interface Vocabulary {
  readonly texts: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  readonly types: Readonly<ArrayLike<number>>;
}

/**
 * Turns a GGUF's vocabulary into a Hugging Face tokenizer.json and the ids that matter to a server. Knows the
 * models `gpt2` (byte-level BPE, cut by the kind that `tokenizer.ggml.pre` names) and `llama` (SentencePiece BPE).
 *
 * @throws StagecoachError UNIMPLEMENTED for another tokenizer model or an unknown pre-tokenizer, INVALID_ARGUMENT
 * when keys are missing or contradict each other.
 */
export function tokenizerFromGguf(metadata: GgufMetadata): TokenizerSpec {
  const model = getString(metadata, "tokenizer.ggml.model");
  const vocabulary = readVocabulary(metadata);
  switch (model) {
    case "gpt2": {
      const kind = preTokenizerKind(findString(metadata, "tokenizer.ggml.pre") ?? "default");
      const tokenizerJson = byteLevelJson(metadata, vocabulary, kind);
      return { tokenizerJson, ...namedIds(metadata, vocabulary, kind.addBos ?? false) };
    }
    case "llama":
      return {
        tokenizerJson: sentencePieceJson(metadata, vocabulary),
        ...namedIds(metadata, vocabulary, true),
      };
    default:
      throw new StagecoachError(
        "UNIMPLEMENTED",
        `tokenizer model "${model.slice(0, 80)}" is not supported: use a model whose tokenizer.ggml.model is gpt2 or llama`,
        { details: { tokenizerModel: model.slice(0, 80) } },
      );
  }
}

function byteLevelJson(
  metadata: GgufMetadata,
  vocabulary: Vocabulary,
  kind: PreTokenizerKind,
): Record<string, unknown> {
  const merges = getStringArray(metadata, "tokenizer.ggml.merges").map(splitMerge);
  const splits = kind.splits.map((pattern) => ({
    type: "Split",
    pattern: { Regex: pattern },
    behavior: "Isolated",
    invert: false,
  }));
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    normalizer: null,
    pre_tokenizer: { type: "Sequence", pretokenizers: [...splits, byteLevel] },
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: kind.ignoreMerges ?? false,
      vocab: Object.fromEntries(vocabulary.ids),
      merges,
    },
  };
}

function sentencePieceJson(metadata: GgufMetadata, vocabulary: Vocabulary): Record<string, unknown> {
  const scores = findNumberArray(metadata, "tokenizer.ggml.scores");
  if (scores === undefined || scores.length !== vocabulary.texts.length) {
    throw broken(
      `tokenizer.ggml.scores has ${scores?.length ?? 0} entries for ${vocabulary.texts.length} tokens`,
    );
  }
  const isNormal = (id: number): boolean => vocabulary.types[id] === tokenType.normal;
  const pieces = new Map([...vocabulary.ids].filter(([, id]) => isNormal(id)));
  const { merges, ranks } = mergesFromScores(pieces, scores);
  const underscores = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const prefixSpace = findBoolean(metadata, "tokenizer.ggml.add_space_prefix") ?? true;
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    normalizer: {
      type: "Sequence",
      normalizers: prefixSpace ? [{ type: "Prepend", prepend: "▁" }, underscores] : [underscores],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
      ],
    },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: unknownText(metadata, vocabulary),
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(vocabulary.ids),
      merges,
      // Not in Hugging Face's format, which has no equal ranks; its readers leave it aside.
      merge_ranks: ranks,
    },
  };
}

function addedTokens(vocabulary: Vocabulary): object[] {
  const added: object[] = [];
  for (const [content, id] of vocabulary.ids) {
    const type = vocabulary.types[id];
    const special =
      type === tokenType.control || type === tokenType.unknown || endsByText(namedToken(vocabulary, id));
    if (!special && type !== tokenType.userDefined) continue;
    added.push({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special });
  }
  return added;
}

function namedIds(
  metadata: GgufMetadata,
  vocabulary: Vocabulary,
  addBosByDefault: boolean,
): Omit<TokenizerSpec, "tokenizerJson"> {
  const bos = tokenId(metadata, "bos", vocabulary);
  const eos = tokenId(metadata, "eos", vocabulary);
  const named = {
    bos_token: bos,
    eos_token: eos,
    unk_token: tokenId(metadata, "unknown", vocabulary),
    pad_token: tokenId(metadata, "padding", vocabulary),
  };
  const declared = [eos, tokenId(metadata, "eot", vocabulary), tokenId(metadata, "eom", vocabulary)];
  const tokens = vocabulary.texts.map((_, id) => namedToken(vocabulary, id));
  return {
    ...(bos === undefined ? {} : { bosTokenId: bos }),
    addBos: bos !== undefined && (findBoolean(metadata, "tokenizer.ggml.add_bos_token") ?? addBosByDefault),
    endTokenIds: endTokenIds(
      tokens,
      declared.filter((id) => id !== undefined),
    ),
    specialTokens: Object.fromEntries(
      Object.entries(named).flatMap(([name, id]) =>
        id === undefined ? [] : [[name, vocabulary.texts[id] ?? ""]],
      ),
    ),
  };
}

function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const texts = getStringArray(metadata, "tokenizer.ggml.tokens").map((text, id) => text || `[EMPTY_${id}]`);
  const types = findNumberArray(metadata, "tokenizer.ggml.token_type");
  if (texts.length === 0) throw broken("tokenizer.ggml.tokens is empty");
  if (types !== undefined && types.length !== texts.length) {
    throw broken(`tokenizer.ggml.token_type has ${types.length} entries for ${texts.length} tokens`);
  }
  const ids = new Map<string, number>();
  for (const [id, text] of texts.entries()) {
    const other = ids.get(text);
    if (other !== undefined) throw broken(`tokens ${other} and ${id} are both "${text.slice(0, 40)}"`);
    ids.set(text, id);
  }
  return { texts, ids, types: types ?? new Uint8Array(texts.length).fill(tokenType.normal) };
}

function namedToken(vocabulary: Vocabulary, id: number): { id: number; text: string; marked: boolean } {
  const type = vocabulary.types[id];
  return {
    id,
    text: vocabulary.texts[id] ?? "",
    marked: type !== tokenType.normal && type !== tokenType.byte,
  };
}

/** Files write 2^32 - 1 for a token that they don't have; any id outside the vocabulary means the same. */
function tokenId(metadata: GgufMetadata, name: string, vocabulary: Vocabulary): number | undefined {
  const id = findNumber(metadata, `tokenizer.ggml.${name}_token_id`);
  return id !== undefined && vocabulary.texts[id] !== undefined ? id : undefined;
}

function unknownText(metadata: GgufMetadata, vocabulary: Vocabulary): string | null {
  const id = tokenId(metadata, "unknown", vocabulary) ?? vocabulary.ids.get("<unk>");
  return id === undefined ? null : (vocabulary.texts[id] ?? null);
}

/** llama.cpp looks for the space from the second character on, so a part may begin with one; so do we. */
function splitMerge(merge: string, index: number): [string, string] {
  const space = merge.indexOf(" ", 1);
  if (space < 0 || space === merge.length - 1) {
    throw broken(
      `tokenizer.ggml.merges[${index}] is "${merge.slice(0, 40)}", not two parts with a space between`,
    );
  }
  return [merge.slice(0, space), merge.slice(space + 1)];
}

function broken(what: string): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `the GGUF file's tokenizer is broken: ${what}. Convert the model again with a current llama.cpp`,
  );
}

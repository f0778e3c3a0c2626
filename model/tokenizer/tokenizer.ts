import { isUtf8 } from "node:buffer";
import { StagecoachError } from "../../common/errors.js";
import { type AddedToken, createAddedTokenFinder } from "./added-tokens.js";
import { createNormalizer } from "./library-parts.js";
import { createPreTokenizer } from "./split-text.js";
import { createTokenBytes } from "./token-bytes.js";
import { parseTokenizerJson } from "./tokenizer-json.js";
import type { TokenizerSpec } from "./tokenizer-spec.js";
import { createWordEncoder } from "./word-encoder.js";

/** How a text is read. */
export interface EncodeOptions {
  /** Control tokens written in the text count as control tokens; else they are plain text. */
  readonly parseSpecial: boolean;
  /** Puts the start token first, where the model's own rules want one and the text has none yet. */
  readonly addBos: boolean;
}

/** A stretch of a text. Words run across the borders of pieces; control tokens don't. */
export interface TextPiece {
  readonly text: string;
  /** Control tokens written here are plain text. */
  readonly literal: boolean;
}

/** Turns text into token ids and back. All methods are synchronous and take time linear in their input. */
export interface Tokenizer {
  /** Rows of the model's embedding; every id is below. */
  readonly vocabularySize: number;
  readonly bosTokenId: number | undefined;
  /** Any of these ends a generation. */
  readonly endTokenIds: readonly number[];
  encode(text: string, options: EncodeOptions): Uint32Array;
  /** The tokens of the pieces' text as a whole. */
  encodePieces(pieces: readonly TextPiece[], options: { readonly addBos: boolean }): Uint32Array;
  /** The text of tokens, control tokens left out; bytes that are not UTF-8 become U+FFFD. */
  decode(ids: Iterable<number>): string;
  /** The bytes a token stands for, also a control token's; empty for an id without a token. */
  tokenBytes(id: number): Uint8Array;
  /** The token's bytes as text; half a character becomes U+FFFD. */
  tokenText(id: number): string;
  /** The token's bytes as text where they are whole characters, else undefined; remembered. */
  wholeText(id: number): string | undefined;
  /** Whether a token is a control token, which is no part of a text. */
  isSpecial(id: number): boolean;
}

/**
 * Makes a tokenizer for a model with `vocabularySize` rows of embedding.
 *
 * @throws StagecoachError UNIMPLEMENTED for kinds of tokenizer that are not supported, INVALID_ARGUMENT for a
 * broken tokenizer.json or special ids beyond the vocabulary.
 */
export function createTokenizer(spec: TokenizerSpec, vocabularySize: number): Tokenizer {
  checkIds(spec, vocabularySize);
  const parsed = parseTokenizerJson(spec.tokenizerJson, vocabularySize);
  const preTokenizer = createPreTokenizer(parsed.preTokenizer);
  const normalize = normalizerOf(parsed.normalizer);
  const encodeWord = createWordEncoder(parsed, preTokenizer.byteLevel);
  const tokenBytes = createTokenBytes(parsed, preTokenizer.byteLevel);
  const specialIds = new Set(parsed.addedTokens.filter((token) => token.special).map((token) => token.id));
  const findAll = createAddedTokenFinder(parsed.addedTokens);
  const findText = createAddedTokenFinder(parsed.addedTokens.filter((token) => !token.special));

  const encodeRun = (text: string, isFirst: boolean, output: number[]): void => {
    if (text === "") return;
    const normalized = normalize(text);
    if (normalized === "") return;
    for (const word of preTokenizer.split(normalized, isFirst)) encodeWord(word, output);
  };

  const encodePieces = (pieces: readonly TextPiece[], addBos: boolean): Uint32Array => {
    const output: number[] = [];
    const runs = stripped(cut(joinAlike(pieces), findAll, findText));
    for (const [index, run] of runs.entries()) {
      if (typeof run === "string") encodeRun(run, index === 0, output);
      else output.push(run.id);
    }
    const bos = addBos && spec.addBos ? spec.bosTokenId : undefined;
    if (bos !== undefined && output[0] !== bos) output.unshift(bos);
    return Uint32Array.from(output);
  };

  return {
    vocabularySize,
    bosTokenId: spec.bosTokenId,
    endTokenIds: spec.endTokenIds,
    encode: (text, options) => encodePieces([{ text, literal: !options.parseSpecial }], options.addBos),
    encodePieces: (pieces, options) => encodePieces(pieces, options.addBos),
    decode: (ids) => {
      const decoder = createUtf8Decoder();
      let text = "";
      for (const id of ids) if (!specialIds.has(id)) text += decoder.decode(tokenBytes(id), { stream: true });
      return text + decoder.decode();
    },
    tokenBytes,
    tokenText: (id) => createUtf8Decoder().decode(tokenBytes(id)),
    wholeText: createWholeText(tokenBytes),
    isSpecial: (id) => specialIds.has(id),
  };
}

/** A decoder that keeps byte order marks, which are text like any other here. */
export function createUtf8Decoder(): InstanceType<typeof TextDecoder> {
  return new TextDecoder("utf-8", { ignoreBOM: true });
}

function createWholeText(tokenBytes: (id: number) => Uint8Array): (id: number) => string | undefined {
  const decoder = createUtf8Decoder();
  const texts = new Map<number, string | undefined>();
  const make = (id: number): string | undefined => {
    const bytes = tokenBytes(id);
    return isUtf8(bytes) ? decoder.decode(bytes) : undefined;
  };
  return (id) => {
    const known = texts.get(id);
    if (known !== undefined || texts.has(id)) return known;
    const text = make(id);
    texts.set(id, text);
    return text;
  };
}

/** Neighbours of one kind as one piece, so that a control token may lie across two of the template's. */
function joinAlike(pieces: readonly TextPiece[]): TextPiece[] {
  const joined: TextPiece[] = [];
  for (const piece of pieces) {
    const last = joined.at(-1);
    if (last?.literal === piece.literal)
      joined[joined.length - 1] = { ...last, text: last.text + piece.text };
    else joined.push(piece);
  }
  return joined;
}

type Run = string | AddedToken;
type Finder = ReturnType<typeof createAddedTokenFinder>;

/** Control tokens are looked for piece by piece; the other added tokens in what lies between them, across pieces. */
function cut(pieces: readonly TextPiece[], findAll: Finder, findText: Finder): Run[] {
  const controls: Run[] = [];
  const addText = (text: string): void => {
    if (typeof controls.at(-1) === "string") controls[controls.length - 1] += text;
    else controls.push(text);
  };
  for (const piece of pieces) {
    const matches = piece.literal ? [] : findAll(piece.text).filter((match) => match.token.special);
    let end = 0;
    for (const match of matches) {
      addText(piece.text.slice(end, match.start));
      controls.push(match.token);
      end = match.end;
    }
    addText(piece.text.slice(end));
  }
  return controls.flatMap((run) => (typeof run === "string" ? cutText(run, findText) : [run]));
}

function cutText(text: string, find: Finder): Run[] {
  const runs: Run[] = [];
  let end = 0;
  for (const match of find(text)) {
    if (match.start > end) runs.push(text.slice(end, match.start));
    runs.push(match.token);
    end = match.end;
  }
  if (end < text.length) runs.push(text.slice(end));
  return runs;
}

/** Some added tokens swallow white space beside them. */
function stripped(runs: Run[]): Run[] {
  return runs.map((run, index) => {
    if (typeof run !== "string") return run;
    const before = runs[index - 1];
    const after = runs[index + 1];
    const start = typeof before === "object" && before.rstrip ? run.trimStart() : run;
    return typeof after === "object" && after.lstrip ? start.trimEnd() : start;
  });
}

function normalizerOf(config: unknown): (text: string) => string {
  try {
    return createNormalizer(config);
  } catch (error) {
    throw new StagecoachError(
      "UNIMPLEMENTED",
      `the tokenizer's normalizer ${JSON.stringify(config).slice(0, 200)} is not supported: use a GGUF of the same model`,
      { cause: error },
    );
  }
}

function checkIds(spec: TokenizerSpec, vocabularySize: number): void {
  for (const id of [...spec.endTokenIds, ...(spec.bosTokenId === undefined ? [] : [spec.bosTokenId])]) {
    if (Number.isInteger(id) && id >= 0 && id < vocabularySize) continue;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the tokenizer's special token id ${id} is not in the model's vocabulary of ${vocabularySize}: ` +
        "model and tokenizer don't belong together",
      { details: { tokenId: id, vocabularySize } },
    );
  }
}

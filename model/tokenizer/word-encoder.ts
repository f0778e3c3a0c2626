import { applyMerges } from "./apply-merges.js";
import { byteCharacters } from "./byte-level.js";
import type { ParsedTokenizer } from "./tokenizer-json.js";

/** Appends the tokens of one word to `output`. */
export type WordEncoder = (word: string, output: number[]) => void;

/** Words up to this many UTF-16 units are remembered, and this many of them. */
const cachedLength = 40;
const cachedWords = 20_000;

/**
 * Encodes words by BPE, over bytes or over characters with bytes as a fallback. Written here because the library's
 * BPE looks merges up by JSON text, spreads its results over the stack and so fails on a long word.
 * What a vocabulary cannot say at all becomes its unknown token, or vanishes where it has none.
 */
export function createWordEncoder(tokenizer: ParsedTokenizer, byteLevel: boolean): WordEncoder {
  const split = byteLevel ? createByteSymbols(tokenizer) : createCharacterSymbols(tokenizer);
  const cache = new Map<string, number[]>();

  const encode = (word: string): number[] => {
    if (tokenizer.ignoreMerges) {
      const whole = tokenizer.ids.get(byteLevel ? inByteLevel(word) : word);
      if (whole !== undefined) return [whole];
    }
    const { symbols, count } = split.symbols(word);
    const left = applyMerges(tokenizer.merges, symbols, count);
    return finish(tokenizer, symbols.subarray(0, left), split.fallback);
  };

  return (word, output) => {
    if (word.length > cachedLength) return append(encode(word), output);
    let ids = cache.get(word);
    if (ids === undefined) {
      ids = encode(word);
      if (cache.size >= cachedWords) cache.clear();
      cache.set(word, ids);
    }
    append(ids, output);
  };
}

interface Symbols {
  /** One symbol a byte or character: a token id, or below zero what has none. Valid until the next call. */
  symbols(word: string): { symbols: Int32Array; count: number };
  /** The tokens for a symbol below zero; empty when there are none. */
  fallback(symbol: number): readonly number[];
}

function createByteSymbols(tokenizer: ParsedTokenizer): Symbols {
  const encoder = new TextEncoder();
  const idOfByte = Int32Array.from(byteCharacters, (character) => tokenizer.ids.get(character) ?? -1);
  let bytes = new Uint8Array(256);
  let symbols = new Int32Array(256);
  return {
    symbols: (word) => {
      if (bytes.length < word.length * 3) {
        bytes = new Uint8Array(word.length * 3);
        symbols = new Int32Array(word.length * 3);
      }
      const count = encoder.encodeInto(word, bytes).written;
      for (let index = 0; index < count; index++) symbols[index] = idOfByte[bytes[index] as number] as number;
      return { symbols, count };
    },
    fallback: () => [],
  };
}

function createCharacterSymbols(tokenizer: ParsedTokenizer): Symbols {
  const encoder = new TextEncoder();
  const idOfByte = Array.from({ length: 256 }, (_, byte) => tokenizer.ids.get(fallbackText(byte)));
  let symbols = new Int32Array(256);
  return {
    symbols: (word) => {
      if (symbols.length < word.length) symbols = new Int32Array(word.length);
      let count = 0;
      for (const character of word) {
        symbols[count++] = tokenizer.ids.get(character) ?? -1 - (character.codePointAt(0) as number);
      }
      return { symbols, count };
    },
    fallback: (symbol) => {
      if (!tokenizer.byteFallback) return [];
      const bytes = encoder.encode(String.fromCodePoint(-1 - symbol));
      const ids = Array.from(bytes, (byte) => idOfByte[byte]).filter((id) => id !== undefined);
      return ids.length === bytes.length ? ids : [];
    },
  };
}

function finish(
  tokenizer: ParsedTokenizer,
  symbols: Int32Array,
  fallback: (symbol: number) => readonly number[],
): number[] {
  const ids: number[] = [];
  for (const symbol of symbols) {
    if (symbol >= 0) {
      ids.push(symbol);
      continue;
    }
    const substitutes = fallback(symbol);
    append(substitutes, ids);
    const unknown = tokenizer.unknownId;
    if (substitutes.length > 0 || unknown === undefined) continue;
    if (!tokenizer.fuseUnknown || ids.at(-1) !== unknown) ids.push(unknown);
  }
  return ids;
}

/** Not `push(...ids)`: a long word has more tokens than the stack has room for. */
function append(ids: readonly number[], output: number[]): void {
  for (const id of ids) output.push(id);
}

function inByteLevel(word: string): string {
  return Array.from(new TextEncoder().encode(word), (byte) => byteCharacters[byte]).join("");
}

function fallbackText(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

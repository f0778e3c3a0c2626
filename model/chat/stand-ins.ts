import { StagecoachError } from "../../common/errors.js";
import { createAddedTokenFinder } from "../tokenizer/added-tokens.js";
import type { TextPiece } from "../tokenizer/tokenizer.js";

/** Code units without upper or lower case, that are no white space and nothing but themselves. */
const standInRanges = [
  [0xe000, 0xf8ff],
  [0x3400, 0x9fff],
] as const;

/** A reversible change of text, by characters that occur nowhere in what is rendered. */
export interface StandIns {
  /** Puts stand-ins into a text. */
  mark(text: string): string;
  /** The text without stand-ins. */
  unmark(text: string): string;
  /** Cuts a rendered text into pieces, literal or not by where the stand-ins are. */
  pieces(text: string): TextPiece[];
}

/**
 * Marks every character of what users wrote that a control token could begin or end with. A template that only
 * places, trims, or measures texts treats marked ones the same. Marked characters come back as literal pieces,
 * and what lies between them can neither begin nor end a control token.
 *
 * @param taken texts whose characters cannot be stand-ins
 */
export function markWriting(controlTokens: readonly string[], taken: readonly string[]): StandIns {
  const ends = new Set(controlTokens.flatMap((text) => [text.charAt(0), text.charAt(text.length - 1)]));
  const real = [...ends];
  const standIns = unusedCharacters(real.length, taken);
  const toStandIn = new Map(real.map((character, index) => [character, standIns[index] as string]));
  const toReal = new Map(real.map((character, index) => [standIns[index] as string, character]));
  const unmark = (text: string): string => translate(text, toReal);
  return {
    mark: (text) => translate(text, toStandIn),
    unmark,
    pieces: (text) => cut(text, toReal).map(({ text: part, marked }) => ({ text: part, literal: marked })),
  };
}

/**
 * Marks the template's own control tokens instead, one stand-in each, and leaves what users wrote alone, so that
 * a template may look into it as it likes. Only marked tokens come back as pieces that are not literal: safe
 * with any template, but blind for control tokens that a template puts together from parts.
 */
export function markControlTokens(controlTokens: readonly string[], taken: readonly string[]): StandIns {
  const standIns = unusedCharacters(controlTokens.length, taken);
  const toReal = new Map(controlTokens.map((text, index) => [standIns[index] as string, text]));
  const find = createAddedTokenFinder(
    controlTokens.map((content, id) => ({
      id,
      content,
      special: true,
      lstrip: false,
      rstrip: false,
      singleWord: false,
    })),
  );
  return {
    mark: (text) => {
      let marked = "";
      let end = 0;
      for (const match of find(text)) {
        marked += text.slice(end, match.start) + (standIns[match.token.id] as string);
        end = match.end;
      }
      return marked + text.slice(end);
    },
    unmark: (text) => translate(text, toReal),
    pieces: (text) => cut(text, toReal).map(({ text: part, marked }) => ({ text: part, literal: !marked })),
  };
}

function translate(text: string, characters: ReadonlyMap<string, string>): string {
  return cut(text, characters)
    .map((part) => part.text)
    .join("");
}

/** Runs of a text whose characters are all, or none of them, keys; keys replaced by their values. */
function cut(text: string, characters: ReadonlyMap<string, string>): { text: string; marked: boolean }[] {
  const parts: { text: string; marked: boolean }[] = [];
  const add = (part: string, marked: boolean): void => {
    const last = parts.at(-1);
    if (last?.marked === marked) last.text += part;
    else if (part !== "") parts.push({ text: part, marked });
  };
  let end = 0;
  for (let index = 0; index < text.length; index++) {
    const replacement = characters.get(text.charAt(index));
    if (replacement === undefined) continue;
    add(text.slice(end, index), false);
    add(replacement, true);
    end = index + 1;
  }
  add(text.slice(end), false);
  return parts;
}

/** Characters for private use first; if somebody wrote all of those, ideographs that nobody wrote. */
function unusedCharacters(count: number, taken: readonly string[]): string[] {
  const used = new Uint8Array(0x10000);
  for (const text of taken) {
    for (let index = 0; index < text.length; index++) used[text.charCodeAt(index)] = 1;
  }
  const unused: string[] = [];
  for (const [first, last] of standInRanges) {
    for (let unit = first; unit <= last && unused.length < count; unit++) {
      if (used[unit] === 0) unused.push(String.fromCharCode(unit));
    }
  }
  if (unused.length === count) return unused;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    "the messages use nearly every character there is, which leaves none to tell them from the chat template: shorten them",
  );
}

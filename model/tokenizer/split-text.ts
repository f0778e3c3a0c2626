import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import { translatePattern } from "./library-parts.js";

/** Cuts a stretch of text into words; `isFirst` says that nothing came before it. */
export type TextSplitter = (text: string, isFirst: boolean) => string[];

/** What a tokenizer.json's pre_tokenizer does. */
export interface PreTokenizer {
  readonly split: TextSplitter;
  /** True when the vocabulary is over bytes, written as GPT-2 writes them. */
  readonly byteLevel: boolean;
}

const gpt2Pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
const punctuation = "[\\p{P}!-/:-@\\[-`{-~]";

const behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"] as const;
type Behavior = (typeof behaviors)[number];
const behavior = z.enum(behaviors);

const step = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("Split"),
    pattern: z.union([z.object({ Regex: z.string() }), z.object({ String: z.string() })]),
    behavior,
    invert: z.boolean().default(false),
  }),
  z.object({ type: z.literal("Digits"), individual_digits: z.boolean().default(false) }),
  z.object({ type: z.literal("Punctuation"), behavior: behavior.default("Isolated") }),
  z.object({ type: z.literal("Whitespace") }),
  z.object({ type: z.literal("WhitespaceSplit") }),
  z.object({
    type: z.literal("ByteLevel"),
    add_prefix_space: z.boolean().default(true),
    use_regex: z.boolean().default(true),
  }),
  z.object({
    type: z.literal("Metaspace"),
    replacement: z.string().default("▁"),
    prepend_scheme: z.enum(["always", "first", "never"]).optional(),
    add_prefix_space: z.boolean().default(true),
    split: z.boolean().default(true),
  }),
]);
type Step = z.infer<typeof step>;

const sequence = z.object({ type: z.literal("Sequence"), pretokenizers: z.array(z.unknown()) });

/**
 * Builds the pre_tokenizer of a tokenizer.json. The library's own are not used, except for turning Oniguruma
 * patterns into JavaScript's: they leave out behaviors (`MergedWithNext`, gaps of inverted splits), take only
 * ASCII digits for digits, and write every word out in GPT-2's characters, which is most of the time.
 *
 * @throws StagecoachError UNIMPLEMENTED for a kind that is not known, INVALID_ARGUMENT for a broken pattern.
 */
export function createPreTokenizer(config: unknown): PreTokenizer {
  const steps = flatten(config);
  const byteLevelAt = steps.findIndex((item) => item.type === "ByteLevel");
  if (byteLevelAt >= 0 && byteLevelAt < steps.length - 1) {
    throw unsupported(`${steps[byteLevelAt + 1]?.type} after ByteLevel`);
  }
  const splitters = steps.map(createSplitter);
  return {
    byteLevel: byteLevelAt >= 0,
    split: (text, isFirst) => {
      let words = [text];
      for (const split of splitters) {
        words =
          words.length === 1
            ? split(words[0] as string, isFirst)
            : words.flatMap((word, index) => split(word, isFirst && index === 0));
      }
      return words;
    },
  };
}

function flatten(config: unknown): Step[] {
  if (config === null || config === undefined) return [];
  const nested = sequence.safeParse(config);
  if (nested.success) return nested.data.pretokenizers.flatMap(flatten);
  const parsed = step.safeParse(config);
  if (parsed.success) return [parsed.data];
  throw unsupported(JSON.stringify(config).slice(0, 200), parsed.error);
}

function createSplitter(config: Step): TextSplitter {
  switch (config.type) {
    case "Split": {
      const pattern =
        "Regex" in config.pattern ? compile(config.pattern.Regex) : literal(config.pattern.String);
      return splitBy(pattern, config.behavior, config.invert);
    }
    case "Digits":
      return splitBy(config.individual_digits ? /\p{N}/gu : /\p{N}+/gu, "Isolated", false);
    case "Punctuation":
      return splitBy(new RegExp(punctuation, "gu"), config.behavior, false);
    case "Whitespace":
      return splitBy(
        /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\s]+/gu,
        "Removed",
        true,
      );
    case "WhitespaceSplit":
      return splitBy(/\s+/gu, "Removed", false);
    case "ByteLevel": {
      const split = config.use_regex ? splitBy(compile(gpt2Pattern), "Isolated", false) : keep;
      if (!config.add_prefix_space) return split;
      return (text, isFirst) => split(text.startsWith(" ") ? text : ` ${text}`, isFirst);
    }
    case "Metaspace":
      return createMetaspace(config);
  }
}

const keep: TextSplitter = (text) => [text];

function createMetaspace(config: Extract<Step, { type: "Metaspace" }>): TextSplitter {
  const mark = config.replacement;
  const scheme = config.prepend_scheme ?? (config.add_prefix_space ? "always" : "never");
  const split = config.split ? splitBy(literal(mark), "MergedWithNext", false) : keep;
  return (text, isFirst) => {
    const marked = text.replaceAll(" ", mark);
    const prepend = scheme === "always" || (scheme === "first" && isFirst);
    return split(prepend && !marked.startsWith(mark) ? mark + marked : marked, isFirst);
  };
}

/** The meaning of `behavior` and `invert` is that of the Rust library (`SplitDelimiterBehavior`). */
function splitBy(pattern: RegExp, behavior: Behavior, invert: boolean): TextSplitter {
  return (text) => {
    const parts = matchesAndGaps(pattern, text, invert);
    switch (behavior) {
      case "Isolated":
        return parts.map((part) => part.text);
      case "Removed":
        return parts.filter((part) => !part.delimiter).map((part) => part.text);
      case "Contiguous":
        return fuse(parts, (before, part) => before.delimiter === part.delimiter);
      case "MergedWithPrevious":
        return fuse(parts, (before, part) => part.delimiter && !before.delimiter);
      case "MergedWithNext":
        return fuse(parts, (before, part) => before.delimiter && !part.delimiter);
    }
  };
}

interface Part {
  text: string;
  delimiter: boolean;
}

function matchesAndGaps(pattern: RegExp, text: string, invert: boolean): Part[] {
  const parts: Part[] = [];
  let end = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const matched = match[0];
    if (match.index > end) parts.push({ text: text.slice(end, match.index), delimiter: invert });
    end = match.index;
    if (matched === "") {
      pattern.lastIndex += isPair(text, pattern.lastIndex) ? 2 : 1;
      continue;
    }
    parts.push({ text: matched, delimiter: !invert });
    end += matched.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), delimiter: invert });
  return parts;
}

function isPair(text: string, index: number): boolean {
  return (text.codePointAt(index) ?? 0) > 0xffff;
}

function fuse(parts: readonly Part[], belongs: (before: Part, part: Part) => boolean): string[] {
  const words: string[] = [];
  let before: Part | undefined;
  for (const part of parts) {
    if (before !== undefined && belongs(before, part)) words.push((words.pop() ?? "") + part.text);
    else words.push(part.text);
    before = part;
  }
  return words;
}

function compile(source: string): RegExp {
  try {
    return translatePattern(source);
  } catch (error) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the tokenizer's pattern "${source.slice(0, 120)}" cannot be read: use a tokenizer.json of the model's publisher`,
      { cause: error },
    );
  }
}

function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"), "gu");
}

function unsupported(what: string, cause?: unknown): StagecoachError {
  return new StagecoachError(
    "UNIMPLEMENTED",
    `the tokenizer's pre_tokenizer ${what} is not supported: use a GGUF of the same model`,
    { cause },
  );
}

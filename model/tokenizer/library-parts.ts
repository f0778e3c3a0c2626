import * as library from "@huggingface/tokenizers";

// The package's type files import each other without extensions, so nothing in them resolves for a Node ESM
// program; these are the shapes of what is used.
interface Parts {
  SplitPreTokenizer: new (config: object) => { readonly pattern: RegExp | null };
  SequenceNormalizer: new (config: object) => { normalize(text: string): string };
}

const parts = library as unknown as Parts;

/**
 * A pattern of a tokenizer.json (Oniguruma's syntax) as a global, Unicode-aware JavaScript one.
 * @throws SyntaxError for one that cannot be read.
 */
export function translatePattern(source: string): RegExp {
  const { pattern } = new parts.SplitPreTokenizer({ type: "Split", pattern: { Regex: source } });
  if (pattern === null) throw new SyntaxError(`cannot read the pattern ${source}`);
  return pattern;
}

/**
 * A tokenizer.json's normalizer as a function.
 * @throws Error for a kind that is not known.
 */
export function createNormalizer(config: unknown): (text: string) => string {
  if (config === null || config === undefined) return (text) => text;
  const normalizer = new parts.SequenceNormalizer({ type: "Sequence", normalizers: [config] });
  return (text) => normalizer.normalize(text);
}

import { StagecoachError } from "../../common/errors.js";

/** How one kind of GPT-2 style tokenizer cuts text into words, and what else its name implies. */
export interface PreTokenizerKind {
  /** Applied one after another; what each matches is cut out, so is what lies between two matches. */
  readonly splits: readonly string[];
  /** True when a word that is in the vocabulary as a whole is taken without merging. */
  readonly ignoreMerges?: boolean;
  /** True when a start token belongs before a prompt unless the file says otherwise. */
  readonly addBos?: boolean;
}

// The patterns are those of the models' own tokenizer.json files, as far as they are known from llama.cpp's
// list of kinds (src/llama-vocab.cpp); alternatives are tried in order.
const gpt2Contraction = "'s|'t|'re|'ve|'m|'ll|'d";
const anyCaseContraction = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const spaces = "\\s+(?!\\S)|\\s+";
const letters = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const symbols = " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*";
const lineEnds = "\\s*[\\r\\n]+";
const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

const gpt2Words = join(gpt2Contraction, " ?\\p{L}+", " ?\\p{N}+", " ?[^\\s\\p{L}\\p{N}]+", spaces);
const llama3Words = join(anyCaseContraction, letters, "\\p{N}{1,3}", symbols, lineEnds, spaces);
const qwen2Words = join(anyCaseContraction, letters, "\\p{N}", symbols, lineEnds, spaces);
const cjkRuns = "[一-龥぀-ゟ゠-ヿ]+";
const asciiPunctuation = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]";
const bloomWords = " ?[^(\\s|.,!?…。，、।۔،)]+";
// DeepSeek LLM's tokenizer.json lists the letters that have case one range after another; the mathematical
// alphabets are not among them.
const casedLetter = "(?:(?![\\x{1D400}-\\x{1D7FF}])[\\p{Lu}\\p{Ll}\\p{Lt}])";

const gpt2: PreTokenizerKind = { splits: [gpt2Words] };
const singleDigits: PreTokenizerKind = { splits: ["\\p{N}", gpt2Words] };
const llama3: PreTokenizerKind = { splits: [llama3Words], ignoreMerges: true, addBos: true };
const llama3Merging: PreTokenizerKind = { splits: [llama3Words] };
const qwen2: PreTokenizerKind = { splits: [qwen2Words] };
const bloom: PreTokenizerKind = { splits: [bloomWords] };
const deepseek3: PreTokenizerKind = {
  splits: [
    "\\p{N}{1,3}",
    cjkRuns,
    join(
      `${asciiPunctuation}[A-Za-z]+`,
      "[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+",
      " ?[\\p{P}\\p{S}]+[\\r\\n]*",
      lineEnds,
      spaces,
    ),
  ],
};
const gpt4o: PreTokenizerKind = {
  splits: [casedWords(`(?:${anyCaseContraction})?`, "\\p{N}{1,3}")],
};
const bailing: PreTokenizerKind = {
  splits: [
    join("'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])", letters, "\\p{N}", symbols, "\\s*[\\r\\n]", spaces),
  ],
};

const kinds: ReadonlyMap<string, PreTokenizerKind> = new Map([
  ...named(gpt2, "gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 gigachat a.x-4.0 mellum"),
  ...named(singleDigits, "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2"),
  ...named(llama3, "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2"),
  ...named(llama3Merging, "dbrx smaug-bpe chatglm-bpe glm4"),
  ...named(qwen2, "qwen2 stablelm2 deepseek-r1-qwen megrez hunyuan solar-open kormo f2llmv2 grok-2"),
  ...named(bloom, "bloom poro-chat gpt3-finnish"),
  ...named(deepseek3, "deepseek-v3 hunyuan-dense joyai-llm hy_v4"),
  ...named(gpt4o, "gpt-4o llama4 kanana2 talkie minimax-m2"),
  ...named(bailing, "bailingmoe bailingmoe2 llada-moe"),
  ...named({ splits: [casedWords("", "\\p{N}")], ignoreMerges: true, addBos: true }, "tekken"),
  ...named({ splits: [bloomWords, "\\p{N}"] }, "viking"),
  ...named({ splits: [join(letters, "\\p{N}", symbols, lineEnds, spaces)] }, "ufakzeka"),
  ...named({ splits: ["[^\\n]+|[\\n]+", qwen2Words] }, "laguna"),
  ["default", { splits: ["[\\p{P}\\$\\+<=>\\^~\\|]+", gpt2Words, "\\p{N}+", "[0-9][0-9][0-9]"] }],
  ["falcon", { splits: ["[\\p{P}\\$\\+<=>\\^~\\|`]+", gpt2Words, "[0-9][0-9][0-9]"] }],
  [
    "deepseek-llm",
    {
      splits: [
        "[\\r\\n]",
        `\\s?${casedLetter}+`,
        "\\s?[!-/:-~！-／：-～‘-‟　-。]+",
        // Without the look-behind a long run of spaces would be tried from each of its places.
        "(?<!\\s)\\s+$",
        "[一-龥ࠀ-一가-퟿]+",
        "\\p{N}+",
      ],
    },
  ],
  ["deepseek-coder", { splits: ["[\\r\\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", "[一-龥ࠀ-一가-퟿]+", "\\p{N}"] }],
  [
    "qwen35",
    {
      splits: [
        join(
          anyCaseContraction,
          "[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+",
          "\\p{N}",
          " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*",
          lineEnds,
          spaces,
        ),
      ],
    },
  ],
  [
    "minicpm5",
    {
      splits: ["\\p{N}{1,3}", join(anyCaseContraction, letters, "\\p{N}+", symbols, lineEnds, spaces)],
      ignoreMerges: true,
    },
  ],
  [
    "seed-coder",
    {
      splits: [join(anyCaseContraction, letters, "\\p{N}", " ?[^\\s\\p{L}\\p{N}\\r\\n]+", lineEnds, spaces)],
    },
  ],
  [
    "exaone-moe",
    {
      splits: [
        join(
          anyCaseContraction,
          "[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+",
          "\\p{N}",
          " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?",
          "\\s*[\\r\\n]",
          spaces,
        ),
      ],
    },
  ],
]);

/** Every name that is known. */
export const preTokenizerNames: readonly string[] = [...kinds.keys()].sort();

/**
 * The kind that `tokenizer.ggml.pre` names.
 * @throws StagecoachError UNIMPLEMENTED for an unknown name, with the list of known ones.
 */
export function preTokenizerKind(name: string): PreTokenizerKind {
  const kind = kinds.get(name);
  if (kind !== undefined) return kind;
  throw new StagecoachError(
    "UNIMPLEMENTED",
    `this model's pre-tokenizer "${name.slice(0, 80)}" is not known: use a GGUF whose tokenizer.ggml.pre is one of ` +
      `${preTokenizerNames.join(", ")}, or the model's folder of safetensors`,
    { details: { preTokenizer: name.slice(0, 80) } },
  );
}

function casedWords(suffix: string, digits: string): string {
  return join(
    `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${suffix}`,
    `[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${suffix}`,
    digits,
    " ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*",
    lineEnds,
    spaces,
  );
}

function join(...alternatives: string[]): string {
  return alternatives.join("|");
}

function named(kind: PreTokenizerKind, names: string): [string, PreTokenizerKind][] {
  return names.split(" ").map((name) => [name, kind]);
}

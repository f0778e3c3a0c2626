import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import { bytesOfByteLevel } from "./byte-level.js";
import type { ParsedTokenizer } from "./tokenizer-json.js";

const decoderStep = z.discriminatedUnion("type", [
  z.object({ type: z.literal("ByteLevel") }),
  z.object({ type: z.literal("ByteFallback") }),
  z.object({ type: z.literal("Fuse") }),
  z.object({ type: z.literal("Strip") }),
  z.object({ type: z.literal("Metaspace"), replacement: z.string().default("▁") }),
  z.object({
    type: z.literal("Replace"),
    pattern: z.object({ String: z.string() }),
    content: z.string(),
  }),
]);
type DecoderStep = z.infer<typeof decoderStep>;

const sequence = z.object({ type: z.literal("Sequence"), decoders: z.array(z.unknown()) });

const encoder = new TextEncoder();

/**
 * The bytes each token stands for, by a tokenizer.json's decoder. Decoders here never look at neighbours, so text
 * can be streamed token by token: a `Strip` of the first space is left out, as text that continues a prompt
 * begins with a space that belongs to it.
 *
 * @throws StagecoachError UNIMPLEMENTED for a decoder that is not known.
 */
export function createTokenBytes(tokenizer: ParsedTokenizer, byteLevel: boolean): (id: number) => Uint8Array {
  const steps = flatten(tokenizer.decoder);
  const added = new Set(tokenizer.addedTokens.map((token) => token.id));
  const isByteLevel = byteLevel || steps.some((step) => step.type === "ByteLevel");
  const byteTokens = steps.some((step) => step.type === "ByteFallback");
  const cache = new Map<number, Uint8Array>();

  const make = (id: number): Uint8Array => {
    const text = tokenizer.texts[id] ?? "";
    if (added.has(id)) return encoder.encode(text);
    if (isByteLevel) return bytesOfByteLevel(text) ?? encoder.encode(text);
    const byte = byteTokens ? byteOfFallback(text) : undefined;
    if (byte !== undefined) return Uint8Array.of(byte);
    return encoder.encode(steps.reduce(replace, text));
  };

  return (id) => {
    let bytes = cache.get(id);
    if (bytes === undefined) {
      bytes = make(id);
      cache.set(id, bytes);
    }
    return bytes;
  };
}

/** The byte that a fallback token such as `<0x0A>` is; undefined for any other text. */
function byteOfFallback(text: string): number | undefined {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(text) ? Number.parseInt(text.slice(3, 5), 16) : undefined;
}

function flatten(config: unknown): DecoderStep[] {
  if (config === null || config === undefined) return [];
  const nested = sequence.safeParse(config);
  if (nested.success) return nested.data.decoders.flatMap(flatten);
  const parsed = decoderStep.safeParse(config);
  if (parsed.success) return [parsed.data];
  throw new StagecoachError(
    "UNIMPLEMENTED",
    `the tokenizer's decoder ${JSON.stringify(config).slice(0, 200)} is not supported: use a GGUF of the same model`,
    { cause: parsed.error },
  );
}

function replace(text: string, step: DecoderStep): string {
  if (step.type === "Replace") return text.replaceAll(step.pattern.String, step.content);
  if (step.type === "Metaspace") return text.replaceAll(step.replacement, " ");
  return text;
}

import { StagecoachError } from "../../common/errors.js";
import { type ChatMessage, createChatRenderer } from "../chat/render-chat.js";
import type { ModelSource } from "../source/model-source.js";
import { createTokenizer } from "../tokenizer/tokenizer.js";
import { calibrationChats, calibrationTexts, heldOutChats, heldOutTexts } from "./calibration-texts.js";

/** Tokens of the sequences that calibration runs on; all are of one length. */
export interface CalibrationTokens {
  /** Tokens a sequence. */
  readonly length: number;
  /** Weights are rounded to suit these. */
  readonly seen: readonly Uint32Array[];
  /** And measured on these. */
  readonly heldOut: readonly Uint32Array[];
}

/** Long enough for attention to look back, and short enough for several in a batch. */
const longestSequence = 192;

/**
 * The calibration texts in a model's own tokens, cut into sequences of one length. Talks are written by its chat
 * template where it has one.
 * @throws StagecoachError FAILED_PRECONDITION when its tokenizer makes next to nothing of them; what the tokenizer
 * and the template throw.
 */
export function calibrationTokens(source: ModelSource): CalibrationTokens {
  const encode = textEncoder(source);
  const seen = encode(calibrationTexts, calibrationChats);
  const heldOut = encode(heldOutTexts, heldOutChats);
  const length = Math.min(longestSequence, source.config.contextLength, heldOut.length);
  if (length < 8) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `the tokenizer of ${source.origin.name} makes ${heldOut.length} tokens of ${heldOutTexts.length} paragraphs, too ` +
        "few to round the model's weights by: pack another variant, e.g. as-is or f32",
    );
  }
  return { length, seen: sequences(seen, length), heldOut: sequences(heldOut, length) };
}

function textEncoder({ tokenizer: spec, chatTemplate, config }: ModelSource) {
  const tokenizer = createTokenizer(spec, config.vocabularySize);
  const renderer = createChatRenderer(spec, chatTemplate);
  const encodeChat = (messages: readonly ChatMessage[]): Uint32Array => {
    if (chatTemplate === undefined) {
      const text = messages.map(({ content }) => content).join("\n\n");
      return tokenizer.encode(text, { parseSpecial: false, addBos: true });
    }
    const pieces = renderer.render(messages, { addGenerationPrompt: false });
    return tokenizer.encodePieces(pieces, { addBos: true });
  };
  return (texts: readonly string[], chats: readonly (readonly ChatMessage[])[]): number[] => {
    const documents = [
      ...texts.map((text) => tokenizer.encode(text, { parseSpecial: false, addBos: true })),
      ...chats.map(encodeChat),
    ];
    return documents.flatMap((ids) => [...ids]);
  };
}

/** Whole sequences; what is left over at the end goes unused. */
function sequences(ids: readonly number[], length: number): Uint32Array[] {
  return Array.from({ length: Math.floor(ids.length / length) }, (_, index) =>
    Uint32Array.from(ids.slice(index * length, (index + 1) * length)),
  );
}

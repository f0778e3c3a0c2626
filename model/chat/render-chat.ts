import { StagecoachError } from "../../common/errors.js";
import type { TextPiece, Tokenizer } from "../tokenizer/tokenizer.js";
import type { TokenizerSpec } from "../tokenizer/tokenizer-spec.js";
import { parseTemplate, runTemplate, type TemplateLimits } from "./run-template.js";
import { markControlTokens, markWriting, type StandIns } from "./stand-ins.js";

/** One turn of a chat. */
export interface ChatMessage {
  /** A word such as system, user, assistant or tool; the model's template knows which. */
  readonly role: string;
  readonly content: string;
}

export interface RenderOptions {
  /** Ends with the beginning of the assistant's turn. Defaults to true. */
  readonly addGenerationPrompt?: boolean;
}

/** Turns a chat into the text the model was taught, by the model's own template. */
export interface ChatRenderer {
  /**
   * Pieces that together are the rendered text. Control tokens count in those that are not literal; control
   * tokens that a user wrote always lie in literal ones.
   *
   * @throws StagecoachError FAILED_PRECONDITION when the model has no template, INVALID_ARGUMENT when the template
   * refuses the messages or fails on them, or a role is no word.
   */
  render(messages: readonly ChatMessage[], options?: RenderOptions): TextPiece[];
}

/**
 * Makes the renderer of one model.
 *
 * What users wrote must not become control tokens, wherever the template puts it. So the chat is rendered with
 * the characters that control tokens begin and end with replaced by stand-ins in all messages; what comes out
 * says of each of these characters who wrote it. A template that looks into messages (for `</think>`, say) may
 * do something else with stand-ins than with the messages as they are; then, known by comparing with a plain
 * rendering, the template's own control tokens are marked instead.
 *
 * @throws StagecoachError INVALID_ARGUMENT when the template cannot be read.
 */
export function createChatRenderer(spec: TokenizerSpec, template: string | undefined): ChatRenderer {
  if (template === undefined) return { render: refuse };
  const program = parseTemplate(template);
  const controlTokens = controlTokensOf(spec);
  const specialTexts = Object.values(spec.specialTokens);

  return {
    render: (messages, options = {}) => {
      for (const { role } of messages) checkRole(role);
      const written = messages.map((message) => message.content);
      const taken = [template, ...controlTokens, ...specialTexts, ...written];
      const limits = limitsFor(written);
      const variables = (contents: readonly string[]): Record<string, unknown> => ({
        messages: messages.map(({ role }, index) => ({ role, content: contents[index] })),
        add_generation_prompt: options.addGenerationPrompt ?? true,
        ...spec.specialTokens,
      });

      const plain = runTemplate(program, variables(written), limits);
      const writing = markWriting(controlTokens, taken);
      const markedTexts = written.map(writing.mark);
      if (written.every((text, index) => text === markedTexts[index])) return piecesOf(plain);
      const marked = attempt(() => runTemplate(program, variables(markedTexts), limits));
      if (marked !== undefined && writing.unmark(marked) === plain) return writing.pieces(marked);

      const controls = markControlTokens(controlTokens, taken);
      const trusting = runTemplate(
        parseTemplate(template, controls.mark),
        { ...variables(written), ...markAll(spec.specialTokens, controls) },
        limits,
      );
      return controls.pieces(trusting);
    },
  };
}

/** The tokens of a rendered chat, with the start token where the model wants one and the template has none. */
export function encodeChat(tokenizer: Tokenizer, pieces: readonly TextPiece[]): Uint32Array {
  return tokenizer.encodePieces(pieces, { addBos: true });
}

function refuse(): never {
  throw new StagecoachError(
    "FAILED_PRECONDITION",
    "this model has no chat template: write the whole prompt yourself and use completions " +
      "(POST /v1/completions, gRPC Inference.Generate)",
    { details: { reason: "no_chat_template" } },
  );
}

function piecesOf(text: string): TextPiece[] {
  return text === "" ? [] : [{ text, literal: false }];
}

/** Refusals of marked messages don't count: the template took the messages as they are. */
function attempt(render: () => string): string | undefined {
  try {
    return render();
  } catch (error) {
    if (error instanceof StagecoachError) return undefined;
    throw error;
  }
}

function markAll(texts: Readonly<Record<string, string>>, standIns: StandIns): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, standIns.mark(text)]));
}

/** Roles become part of control tokens in some templates (`<|user|>`), so they count as the template's text. */
function checkRole(role: string): void {
  if (/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(role)) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `role "${role.slice(0, 64)}" is not a role: use system, user, assistant or tool`,
    { details: { role: role.slice(0, 64) } },
  );
}

function limitsFor(written: readonly string[]): TemplateLimits {
  const length = written.reduce((sum, text) => sum + text.length, 0);
  return { maxSteps: 200_000 + written.length * 20_000 + length, maxLength: 1_000_000 + length * 4 };
}

function controlTokensOf(spec: TokenizerSpec): string[] {
  const added = spec.tokenizerJson["added_tokens"];
  if (!Array.isArray(added)) return [];
  return added.flatMap((token: { content?: unknown; special?: unknown }) =>
    typeof token.content === "string" && token.content !== "" && token.special === true
      ? [token.content]
      : [],
  );
}

import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import { createChatRenderer } from "../../model/chat/render-chat.js";
import { createTokenizer } from "../../model/tokenizer/tokenizer.js";
import type { TokenizerSpec } from "../../model/tokenizer/tokenizer-spec.js";
import { readTextFile } from "../read-text-file.js";
import { heldOutPrompts } from "./held-out-prompts.js";
import type { QualityPrompt } from "./measure-quality.js";

/** Where prompts come from: a file of one prompt a line, a file of golden runs, or the built-in ones. */
export interface PromptSources {
  readonly promptsPath?: string | undefined;
  readonly goldenPath?: string | undefined;
}

const goldenFile = z.object({
  prompts: z.array(
    z.object({
      promptIds: z.array(z.number().int().nonnegative()),
      runs: z.object({ f32: z.object({ ids: z.array(z.number().int().nonnegative()) }) }),
    }),
  ),
});

/**
 * The prompts to compare variants of a model on.
 * @throws StagecoachError INVALID_ARGUMENT when a file cannot be read or holds something else.
 */
export async function readPrompts(
  sources: PromptSources,
  model: { readonly vocabularySize: number; readonly chatTemplate: string | undefined },
  spec: TokenizerSpec,
): Promise<QualityPrompt[]> {
  if (sources.goldenPath !== undefined) return readGolden(sources.goldenPath);
  const texts = sources.promptsPath === undefined ? heldOutPrompts : await readLines(sources.promptsPath);
  const tokenizer = createTokenizer(spec, model.vocabularySize);
  const renderer = createChatRenderer(spec, model.chatTemplate);
  return texts.map((text) => {
    const options = { addBos: true };
    const ids =
      model.chatTemplate === undefined
        ? tokenizer.encode(text, { ...options, parseSpecial: false })
        : tokenizer.encodePieces(renderer.render([{ role: "user", content: text }]), options);
    return { promptIds: [...ids] };
  });
}

async function readGolden(path: string): Promise<QualityPrompt[]> {
  try {
    const { prompts } = goldenFile.parse(JSON.parse(await readTextFile(path, "--golden", maxFileBytes)));
    return prompts.map(({ promptIds, runs }) => ({ promptIds, continuation: runs.f32.ids }));
  } catch (cause) {
    if (cause instanceof StagecoachError) throw cause;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `--golden ${path} is no file of golden runs: it needs prompts with promptIds and runs.f32.ids`,
      { cause },
    );
  }
}

async function readLines(path: string): Promise<string[]> {
  const lines = (await readTextFile(path, "--prompts", maxFileBytes)).split(/\r?\n/);
  return lines.filter((line) => line.trim() !== "");
}

const maxFileBytes = 16 * 2 ** 20;

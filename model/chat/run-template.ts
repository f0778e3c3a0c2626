import { StagecoachError } from "../../common/errors.js";
import {
  Environment,
  Interpreter,
  parse,
  type TemplateEnvironment,
  type TemplateProgram,
  type TemplateValue,
  tokenize,
} from "./jinja-parts.js";
import { templateGlobals } from "./template-globals.js";

/** What a template may use up. */
export interface TemplateLimits {
  /** Nodes of the template evaluated, and elements of the lists that come up. */
  readonly maxSteps: number;
  /** Characters of any text, elements of any list, that come up on the way. */
  readonly maxLength: number;
}

/** Longest template, in characters; those of large models with tools have 20,000. */
const longestTemplate = 256 * 1024;

/**
 * Parses a Jinja chat template as Hugging Face does (block lines leave no trace).
 *
 * @param mapText applied to the template's own text and string literals
 * @throws StagecoachError INVALID_ARGUMENT when it is too long or not Jinja.
 */
export function parseTemplate(source: string, mapText?: (text: string) => string): TemplateProgram {
  if (source.length > longestTemplate) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the model's chat template has ${source.length} characters, more than ${longestTemplate}: use completions`,
    );
  }
  try {
    const tokens = tokenize(source, { lstrip_blocks: true, trim_blocks: true });
    if (mapText !== undefined) {
      for (const token of tokens) {
        if (token.type === "Text" || token.type === "StringLiteral") token.value = mapText(token.value);
      }
    }
    return parse(tokens);
  } catch (error) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the model's chat template cannot be read: ${messageOf(error)}. Use completions with the whole prompt`,
      { cause: error },
    );
  }
}

/**
 * The text that a template makes of variables. Templates come with models, so what one may use up is bounded.
 *
 * @throws StagecoachError INVALID_ARGUMENT with the template's own words when it refuses the messages, when it
 * fails, or when it goes beyond the limits.
 */
export function runTemplate(
  program: TemplateProgram,
  variables: Readonly<Record<string, unknown>>,
  limits: TemplateLimits,
): string {
  const environment = new Environment();
  for (const [name, value] of Object.entries({ ...templateGlobals(limits.maxLength), ...variables })) {
    environment.set(name, value);
  }
  try {
    const text = String(new BoundedInterpreter(environment, limits).run(program).value);
    if (text.length > limits.maxLength) throw tooMuch(`made ${text.length} characters`);
    return text;
  } catch (error) {
    if (error instanceof StagecoachError) throw error;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the model's chat template fails on these messages: ${messageOf(error)}. Change the messages, or use completions`,
      { cause: error },
    );
  }
}

/** Counts what it does; every loop, call and text of a template passes `evaluate`. */
class BoundedInterpreter extends Interpreter {
  readonly #limits: TemplateLimits;
  #steps = 0;

  constructor(environment: TemplateEnvironment, limits: TemplateLimits) {
    super(environment);
    this.#limits = limits;
  }

  override evaluate(node: unknown, environment: TemplateEnvironment): TemplateValue {
    const result = super.evaluate(node, environment);
    const { value } = result;
    const isList = Array.isArray(value);
    const length = isList || typeof value === "string" ? value.length : 0;
    if (length > this.#limits.maxLength) throw tooMuch(`made a value of length ${length}`);
    // A loop over a list passes here once an element only when its body isn't empty; so lists cost their length.
    this.#steps += 1 + (isList ? length : length / 64);
    if (this.#steps > this.#limits.maxSteps) throw tooMuch(`took more than ${this.#limits.maxSteps} steps`);
    return result;
  }
}

function tooMuch(what: string): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `the model's chat template ${what}, more than these messages can need: use completions with the whole prompt`,
  );
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 500);
}

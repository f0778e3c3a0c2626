import * as library from "@huggingface/jinja";

// The package's type files import each other without extensions, so nothing in them resolves for a Node ESM
// program; these are the shapes of what is used.

/** A lexed piece of a template. */
export interface TemplateToken {
  value: string;
  readonly type: string;
}

/** A parsed template. */
export interface TemplateProgram {
  readonly type: "Program";
}

/** Variables by name. */
export interface TemplateEnvironment {
  set(name: string, value: unknown): unknown;
}

/** A value while a template runs. */
export interface TemplateValue {
  readonly value: unknown;
}

/** Runs programs; `evaluate` is called for every node of one, by itself too. */
export interface TemplateInterpreter {
  run(program: TemplateProgram): TemplateValue;
  evaluate(node: unknown, environment: TemplateEnvironment): TemplateValue;
}

interface Parts {
  tokenize(source: string, options: { lstrip_blocks: boolean; trim_blocks: boolean }): TemplateToken[];
  parse(tokens: readonly TemplateToken[]): TemplateProgram;
  Environment: new () => TemplateEnvironment;
  Interpreter: new (environment: TemplateEnvironment) => TemplateInterpreter;
}

/** What is used of @huggingface/jinja. */
export const { tokenize, parse, Environment, Interpreter } = library as unknown as Parts;

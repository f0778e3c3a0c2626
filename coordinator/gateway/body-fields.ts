import { checkText, invalid, shown } from "../inference/checks.js";

/** A JSON object whose fields are read with their types checked; null counts as left out, as OpenAI has it. */
export interface BodyFields {
  number(name: string): number | undefined;
  boolean(name: string): boolean | undefined;
  text(name: string): string | undefined;
  /** One text or a list of them. */
  texts(name: string): readonly string[] | undefined;
  numbers(name: string): readonly number[] | undefined;
  list(name: string): readonly unknown[] | undefined;
  object(name: string): BodyFields | undefined;
  /** The value as it is. */
  raw(name: string): unknown;
  names(): readonly string[];
  /** Names that nothing has asked for. */
  unread(): readonly string[];
}

/**
 * Reads a parsed request body.
 * @param path put before field names in messages, e.g. `messages[0].`
 * @throws StagecoachError INVALID_ARGUMENT when it is no object; so do the readers for fields of a wrong type
 */
export function bodyFields(body: unknown, path = ""): BodyFields {
  if (!isRecord(body)) {
    const what = path === "" ? "the request body" : path.replace(/\.$/, "");
    throw invalid(path.replace(/\.$/, "") || "body", `${what} is ${shown(body)}: give a JSON object`);
  }
  const read = new Set<string>();
  const raw = (name: string): unknown => {
    read.add(name);
    return Object.hasOwn(body, name) ? (body[name] ?? undefined) : undefined;
  };
  const wrongType = (name: string, value: unknown, wanted: string) =>
    invalid(`${path}${name}`, `${path}${name} is ${shown(value)}: give ${wanted}`);
  const typed = <Value>(name: string, is: (value: unknown) => value is Value, wanted: string) => {
    const value = raw(name);
    if (value === undefined || is(value)) return value;
    throw wrongType(name, value, wanted);
  };
  return {
    number: (name) => typed(name, isNumber, "a number"),
    boolean: (name) => typed(name, (value) => typeof value === "boolean", "true or false"),
    text: (name) => {
      const value = typed(name, isText, "a text");
      return value === undefined ? undefined : checkText(`${path}${name}`, value);
    },
    texts: (name) => {
      const value = raw(name);
      const list = isText(value) ? [value] : value;
      if (list === undefined) return undefined;
      if (isListOf(list, isText)) return list.map((text) => checkText(`${path}${name}`, text));
      throw wrongType(name, value, "a text or a list of texts");
    },
    numbers: (name) => typed(name, (value) => isListOf(value, isNumber), "a list of numbers"),
    list: (name) => typed(name, (value): value is readonly unknown[] => Array.isArray(value), "a list"),
    object: (name) => {
      const value = typed(name, isRecord, "a JSON object");
      return value === undefined ? undefined : bodyFields(value, `${path}${name}.`);
    },
    raw,
    names: () => Object.keys(body),
    unread: () => Object.keys(body).filter((name) => !read.has(name)),
  };
}

/** Whether every element passes. */
export function isListOf<Value>(
  list: unknown,
  is: (value: unknown) => value is Value,
): list is readonly Value[] {
  return Array.isArray(list) && list.every(is);
}

export function isText(value: unknown): value is string {
  return typeof value === "string";
}

export function isNumber(value: unknown): value is number {
  return typeof value === "number";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

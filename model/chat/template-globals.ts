import { StagecoachError } from "../../common/errors.js";

/** What chat templates may call besides Jinja's own filters and tests, with Python's names and meaning. */
export function templateGlobals(longestRange: number): Record<string, unknown> {
  return {
    true: true,
    false: false,
    none: null,
    True: true,
    False: false,
    None: null,
    raise_exception: raise,
    range: (start: number, stop?: number, step?: number) => range(longestRange, start, stop, step),
    strftime_now: (format: string) => formatTime(format, new Date()),
  };
}

function raise(message: unknown): never {
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `the model's chat template refuses these messages: ${String(message).slice(0, 500)}`,
  );
}

function range(longest: number, start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  const length = Math.max(0, Math.ceil((to - from) / step));
  if (!(length <= longest)) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the model's chat template asks for a range of ${length} numbers: use completions with the whole prompt`,
    );
  }
  return Array.from({ length }, (_, index) => from + index * step);
}

/** Python's strftime, in English and local time: the fields that templates use. */
export function formatTime(format: string, date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const named = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat("en-US", options).format(date);
  const fields: Record<string, () => string> = {
    Y: () => String(date.getFullYear()),
    y: () => two(date.getFullYear() % 100),
    m: () => two(date.getMonth() + 1),
    d: () => two(date.getDate()),
    B: () => named({ month: "long" }),
    b: () => named({ month: "short" }),
    A: () => named({ weekday: "long" }),
    a: () => named({ weekday: "short" }),
    H: () => two(date.getHours()),
    I: () => two(date.getHours() % 12 || 12),
    p: () => (date.getHours() < 12 ? "AM" : "PM"),
    M: () => two(date.getMinutes()),
    S: () => two(date.getSeconds()),
    "%": () => "%",
  };
  return format.replace(/%([a-zA-Z%])/g, (whole, field: string) => fields[field]?.() ?? whole);
}

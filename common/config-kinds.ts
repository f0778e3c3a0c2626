/** How text (from a flag, the environment or the file) becomes a value, and back. */
export interface Kind<Value> {
  /** Stands for the value in help, e.g. `HOST:PORT`. */
  readonly placeholder: string;
  /** What a good value looks like; completes "give …". */
  readonly expects: string;
  /** Undefined when the text is no such value. */
  parse(text: string): Value | undefined;
}

/** A whole number in [min, max]. */
export function wholeNumber(min: number, max: number): Kind<number> {
  return {
    placeholder: "N",
    expects: `a whole number from ${min} to ${max}`,
    parse: (text) => within(/^\d{1,16}$/.test(text) ? Number(text) : Number.NaN, min, max),
  };
}

/** A decimal number in [min, max]. */
export function decimalNumber(min: number, max: number): Kind<number> {
  return {
    placeholder: "X",
    expects: `a number from ${min} to ${max}`,
    parse: (text) => within(/^-?\d{1,16}(\.\d{1,16})?$/.test(text) ? Number(text) : Number.NaN, min, max),
  };
}

/** One of a few words. */
export function oneOf<const Word extends string>(words: readonly Word[]): Kind<Word> {
  return {
    placeholder: words.join("|"),
    expects: `one of ${words.join(", ")}`,
    parse: (text) => words.find((word) => word === text),
  };
}

/** A switch. `on`, `true` and `off`, `false` say the same. */
export function onOff(): Kind<boolean> {
  const meanings: Readonly<Record<string, boolean>> = { on: true, true: true, off: false, false: false };
  return {
    placeholder: "on|off",
    expects: "on or off",
    parse: (text) => (Object.hasOwn(meanings, text) ? meanings[text] : undefined),
  };
}

/** A word that stands for what is worked out at run time, or a value of another kind. */
export function wordOr<const Word extends string, Value>(word: Word, kind: Kind<Value>): Kind<Word | Value> {
  return {
    placeholder: `${word}|${kind.placeholder}`,
    expects: `${word} or ${kind.expects}`,
    parse: (text) => (text === word ? word : kind.parse(text)),
  };
}

/** Text that a pattern accepts. */
export function textLike(placeholder: string, expects: string, pattern: RegExp): Kind<string> {
  return {
    placeholder,
    expects,
    parse: (text) => (pattern.test(text) ? text : undefined),
  };
}

const unitBytes: Record<string, number> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  kb: 1e3,
  kib: 2 ** 10,
  m: 2 ** 20,
  mb: 1e6,
  mib: 2 ** 20,
  g: 2 ** 30,
  gb: 1e9,
  gib: 2 ** 30,
  t: 2 ** 40,
  tb: 1e12,
  tib: 2 ** 40,
};

/** Bytes, with or without a unit: `1073741824`, `512MiB`, `2GB`; the bare letters K, M, G, T are binary. */
export function byteSize(min: number, max: number): Kind<number> {
  return {
    placeholder: "BYTES",
    expects: `a size from ${min} to ${max} bytes, such as 512MiB or 2GB`,
    parse: (text) => {
      const match = /^(\d{1,16}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(text);
      const unit = unitBytes[match?.[2]?.toLowerCase() ?? ""];
      return unit === undefined ? undefined : within(Math.round(Number(match?.[1]) * unit), min, max);
    },
  };
}

/** Where a server listens: `HOST:PORT`, `[IPv6]:PORT`, `:PORT` for all interfaces, a port alone for loopback. */
export function listenAddress(): Kind<string> {
  return {
    placeholder: "HOST:PORT",
    expects: "HOST:PORT, or a port alone for 127.0.0.1, with a port from 0 (any free one) to 65535",
    parse: (text) => parseAddress(text, 0, "*"),
  };
}

/** Where a server is reached: `HOST:PORT`, `[IPv6]:PORT`, or a port alone for this machine. */
export function peerAddress(): Kind<string> {
  return {
    placeholder: "HOST:PORT",
    expects: "HOST:PORT, or a port alone for 127.0.0.1, with a port from 1 to 65535",
    parse: (text) => parseAddress(text, 1, "+"),
  };
}

function parseAddress(text: string, minPort: number, hostLength: "*" | "+"): string | undefined {
  const host = `(?:(\\[[0-9a-f:.%]+\\]|[a-z0-9._-]${hostLength}):)?`;
  const match = new RegExp(`^${host}(\\d{1,5})$`, "i").exec(text);
  const port = within(Number(match?.[2]), minPort, 65_535);
  return match === null || port === undefined ? undefined : `${match[1] ?? "127.0.0.1"}:${port}`;
}

/** Bounds that NaN never meets. */
function within(value: number, min: number, max: number): number | undefined {
  return value >= min && value <= max ? value : undefined;
}

/**
 * Values on their way from one writer to one reader, without bound: for streams whose length is bounded by
 * something else (a request's own tokens, a worker's few control messages).
 */
export class AsyncQueue<Value> implements AsyncIterable<Value> {
  readonly #values: Value[] = [];
  readonly #onAbandoned: (() => void) | undefined;
  #end: { error: unknown } | { error?: never } | undefined;
  #wake: (() => void) | undefined;

  /** `onAbandoned` is called when the reader stops before the end. */
  constructor(onAbandoned?: () => void) {
    this.#onAbandoned = onAbandoned;
  }

  /** Adds a value; after the end it is dropped. */
  push(value: Value): void {
    if (this.#end !== undefined) return;
    this.#values.push(value);
    this.#wake?.();
  }

  /** Ends the iteration after the values that are already here. The first end wins. */
  end(): void {
    this.#end ??= {};
    this.#wake?.();
  }

  /** Like `end`, but the iteration throws. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void> {
    let ended = false;
    try {
      for (;;) {
        while (this.#values.length > 0) yield this.#values.shift() as Value;
        if (this.#end !== undefined) {
          ended = true;
          if ("error" in this.#end) throw this.#end.error;
          return;
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      if (!ended) this.#onAbandoned?.();
    }
  }
}

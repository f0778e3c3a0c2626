/**
 * Values on their way from one writer to one reader, without bound: for streams whose length is bounded by
 * something else (a request's own tokens, a worker's few control messages). The reader asks for one value at a time.
 */
export class AsyncQueue<Value> implements AsyncIterable<Value> {
  readonly #values: Value[] = [];
  readonly #onAbandoned: (() => void) | undefined;
  #end: { error: unknown } | { error?: never } | undefined;
  /** Waits for a value or the end. */
  #reader: Reader<Value> | undefined;
  /** The reader has heard of the end, or left. */
  #over = false;

  /** `onAbandoned` is called when the reader stops before the end. */
  constructor(onAbandoned?: () => void) {
    this.#onAbandoned = onAbandoned;
  }

  /** Adds a value; after the end it is dropped. */
  push(value: Value): void {
    if (this.#end !== undefined) return;
    this.#values.push(value);
    this.#serve();
  }

  /** Ends the iteration after the values that are already here. The first end wins. */
  end(): void {
    this.#end ??= {};
    this.#serve();
  }

  /** Like `end`, but the iteration throws. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#serve();
  }

  // No generator: what that yields is awaited three times on its way, which tells at a token each.
  [Symbol.asyncIterator](): AsyncIterator<Value, undefined> {
    return {
      next: () =>
        new Promise((resolve, reject) => {
          this.#reader = { resolve, reject };
          this.#serve();
        }),
      return: () => {
        if (!this.#over) this.#onAbandoned?.();
        this.#over = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Answers the reader when it waits and there is an answer. */
  #serve(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    if (!this.#over && this.#values.length > 0) {
      this.#reader = undefined;
      reader.resolve({ done: false, value: this.#values.shift() as Value });
    } else if (this.#over || this.#end !== undefined) {
      this.#reader = undefined;
      const failed = !this.#over && this.#end !== undefined && "error" in this.#end;
      this.#over = true;
      if (failed) reader.reject(this.#end?.error);
      else reader.resolve({ done: true, value: undefined });
    }
  }
}

interface Reader<Value> {
  resolve(result: IteratorResult<Value, undefined>): void;
  reject(reason: unknown): void;
}

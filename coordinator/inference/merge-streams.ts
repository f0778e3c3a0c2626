/**
 * Several streams as one, in order of arrival. Each source is asked for its next value only when its last
 * was taken, so at most one value a source waits. When one fails, or the consumer leaves, `abort` is
 * called and all others end before this does.
 */
export async function* mergeStreams<Value>(
  sources: readonly AsyncIterable<Value>[],
  abort: (reason?: unknown) => void,
): AsyncGenerator<Value> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const arrived: Arrival<Value>[] = [];
  let wake = (): void => {};
  const ask = (iterator: AsyncIterator<Value>): void => {
    const deliver = (arrival: Arrival<Value>): void => {
      arrived.push(arrival);
      wake();
    };
    iterator.next().then(
      (result) => deliver({ iterator, result }),
      (error: unknown) => deliver({ iterator, error }),
    );
  };
  let running = iterators.length;
  try {
    for (const iterator of iterators) ask(iterator);
    while (running > 0) {
      const arrival = arrived.shift();
      if (arrival === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else if (arrival.result === undefined) {
        throw arrival.error;
      } else if (arrival.result.done) {
        running--;
      } else {
        yield arrival.result.value;
        ask(arrival.iterator);
      }
    }
  } finally {
    if (running > 0) {
      abort();
      // What the others say to being aborted adds nothing to the first reason.
      await Promise.allSettled(iterators.map((iterator) => iterator.return?.()));
    }
  }
}

type Arrival<Value> =
  | { iterator: AsyncIterator<Value>; result: IteratorResult<Value>; error?: never }
  | { iterator: AsyncIterator<Value>; result?: never; error: unknown };

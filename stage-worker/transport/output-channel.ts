import type { Output } from "../../proto/gen/stagecoach/v1/Output.js";

/** What is sent: an Output, or its bytes. */
export type Sendable = Output | Buffer;

/** The writing end of an Outputs call, as far as it is needed. */
export interface OutputSink {
  write(output: Sendable, sent: () => void): unknown;
  end(): unknown;
  once(event: "cancelled", listener: () => void): unknown;
}

interface Waiting {
  readonly output: Sendable;
  readonly onSent: () => void;
}

/**
 * What one stage has to tell the coordinator. There is one subscriber, the latest. Without one, outputs wait;
 * since an engine stops while two of its results have not left, they stay few.
 */
export class OutputChannel {
  readonly #waiting: Waiting[] = [];
  /** Written, not yet flushed. */
  readonly #flushing = new Set<() => void>();
  #sink: OutputSink | undefined;
  #ended = false;

  /** `onSent` is called once the output has left, or cannot leave any more. */
  send(output: Sendable, onSent: () => void = () => undefined): void {
    if (this.#ended) return;
    if (this.#sink === undefined) this.#waiting.push({ output, onSent });
    else this.#write(this.#sink, { output, onSent });
  }

  /** Sends to this call from now on, what waited first; the call before it ends. */
  subscribe(sink: OutputSink): void {
    this.#sink?.end();
    this.#forgetFlushing();
    if (this.#ended) {
      sink.end();
      return;
    }
    this.#sink = sink;
    sink.once("cancelled", () => {
      if (this.#sink !== sink) return;
      this.#sink = undefined;
      this.#forgetFlushing();
    });
    for (const waiting of this.#waiting.splice(0)) this.#write(sink, waiting);
  }

  /** Ends the subscriber's call; nothing is sent afterwards. */
  end(): void {
    this.#ended = true;
    this.#sink?.end();
    this.#sink = undefined;
    this.#forgetFlushing();
  }

  #write(sink: OutputSink, { output, onSent }: Waiting): void {
    const sent = (): void => {
      if (this.#flushing.delete(sent)) onSent();
    };
    this.#flushing.add(sent);
    sink.write(output, sent);
  }

  /** A cancelled call never reports its last writes as flushed. */
  #forgetFlushing(): void {
    for (const sent of this.#flushing) sent();
  }
}

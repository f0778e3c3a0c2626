/** Says what goes on, a sentence at a time. */
export interface ProgressLine {
  say(line: string): void;
  /** Leaves the cursor at the start of a line; call it before anything else is written. */
  end(): void;
}

/** A terminal or what stands for it in tests. */
interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/**
 * Progress on stderr. A terminal shows the newest sentence in place of the one before; elsewhere one that
 * differs from the last only in its numbers is left out, so that logs stay short.
 */
export function createProgressLine(output: Output = process.stderr): ProgressLine {
  return output.isTTY === true ? overwriting(output) : appending(output);
}

/** Back to the line's start, and clear it. */
const startOver = "\r\u001b[K";

function overwriting(output: Output): ProgressLine {
  let shown = false;
  return {
    say: (line) => {
      output.write(`${startOver}${line.slice(0, (output.columns ?? 80) - 1)}`);
      shown = true;
    },
    end: () => {
      if (shown) output.write(startOver);
      shown = false;
    },
  };
}

function appending(output: Output): ProgressLine {
  let last = "";
  return {
    say: (line) => {
      const shape = line.replace(/\d+(\.\d+)?/g, "#");
      if (shape !== last) output.write(`${line}\n`);
      last = shape;
    },
    end: () => undefined,
  };
}

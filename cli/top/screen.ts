/** A terminal as `top` uses it. */
export interface TerminalOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

/** Frames on a terminal's alternate screen. */
export interface Screen {
  draw(lines: readonly string[]): void;
  /** Shows what was there before; may be called again. */
  restore(): void;
}

const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const clearToLineEnd = "\u001b[K";
const clearBelow = "\u001b[J";

/** Takes the alternate screen, which keeps the user's own as it is. */
export function openScreen(output: TerminalOutput): Screen {
  let open = true;
  output.write(enter);
  return {
    // One write a frame, each line over the old one: nothing is ever blank, so nothing flickers.
    draw: (lines) => {
      if (open)
        output.write(`${home}${lines.map((line) => `${line}${clearToLineEnd}`).join("\r\n")}${clearBelow}`);
    },
    restore: () => {
      if (open) output.write(leave);
      open = false;
    },
  };
}

import { stripVTControlCharacters } from "node:util";

/** Colours of the sixteen that every terminal has, so that its own theme decides how they look. */
const codes = {
  bold: "1",
  faint: "2",
  red: "31",
  green: "32",
  yellow: "33",
  blue: "34",
  magenta: "35",
  cyan: "36",
} as const;

export type Colour = keyof typeof codes;

/** Puts a colour around a text, or nothing where there are no colours. */
export type Paint = (colour: Colour, text: string) => string;

/** @param colours whether the output shows any */
export function createPaint(colours: boolean): Paint {
  return (colour, text) => (colours && text !== "" ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text);
}

/** Columns that a text takes on a terminal; its characters are one column wide. */
export function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Cuts a line to so many columns; colours end with it. */
export function cut(line: string, columns: number): string {
  if (widthOf(line) <= columns) return line;
  let [kept, width] = ["", 0];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
  for (const [part] of line.matchAll(/\u001b\[[0-9;]*m|./gsu)) {
    if (part.startsWith("\u001b")) kept += part;
    else if (width < columns) {
      kept += part;
      width++;
    }
  }
  return kept;
}

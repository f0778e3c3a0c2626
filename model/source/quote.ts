const limit = 100;

/** A name from a file, as messages show it: in quotes, control characters escaped, no longer than a line. */
export function quote(name: string): string {
  const short = name.length > limit ? `${name.slice(0, limit)}…` : name;
  // JSON leaves DEL, the C1 controls and the marks that turn the writing direction as they are.
  return JSON.stringify(short).replace(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

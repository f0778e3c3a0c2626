/** A token that is found in text before anything else is: control tokens and those that users added. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** A control token, not text. */
  readonly special: boolean;
  /** Takes the white space before it along. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Only where no letter, digit or underscore touches it. */
  readonly singleWord: boolean;
}

/** Where an added token is in a text: [start, end) in UTF-16 units. */
export interface AddedTokenMatch {
  readonly start: number;
  readonly end: number;
  readonly token: AddedToken;
}

interface Node {
  readonly next: Map<number, Node>;
  token?: AddedToken;
}

/**
 * Finds added tokens, the leftmost first and of those the longest, in time linear in the text (times the longest
 * token): a trie, as vocabularies have a thousand of them with the same first letters.
 */
export function createAddedTokenFinder(tokens: Iterable<AddedToken>): (text: string) => AddedTokenMatch[] {
  const root: Node = { next: new Map() };
  for (const token of tokens) if (token.content !== "") insert(root, token);
  if (root.next.size === 0) return () => [];

  return (text) => {
    const matches: AddedTokenMatch[] = [];
    let position = 0;
    while (position < text.length) {
      const match = root.next.has(text.charCodeAt(position)) ? longestAt(root, text, position) : undefined;
      if (match !== undefined) matches.push(match);
      position = match?.end ?? position + 1;
    }
    return matches;
  };
}

function insert(root: Node, token: AddedToken): void {
  let node = root;
  for (let index = 0; index < token.content.length; index++) {
    const unit = token.content.charCodeAt(index);
    let child = node.next.get(unit);
    if (child === undefined) {
      child = { next: new Map() };
      node.next.set(unit, child);
    }
    node = child;
  }
  node.token ??= token;
}

function longestAt(root: Node, text: string, start: number): AddedTokenMatch | undefined {
  let node: Node | undefined = root;
  let found: AddedTokenMatch | undefined;
  for (let end = start; node !== undefined; end++) {
    const token: AddedToken | undefined = node.token;
    if (token !== undefined && (!token.singleWord || standsAlone(text, start, end)))
      found = { start, end, token };
    node = end < text.length ? node.next.get(text.charCodeAt(end)) : undefined;
  }
  return found;
}

function standsAlone(text: string, start: number, end: number): boolean {
  return (
    !/[\p{L}\p{N}_]$/u.test(text.slice(Math.max(0, start - 2), start)) &&
    !/^[\p{L}\p{N}_]/u.test(text.slice(end, end + 2))
  );
}

import { StagecoachError } from "../../common/errors.js";

/** Longest piece in UTF-16 units; cutting a piece in every place costs the square of its length. */
const longestPiece = 256;

/** Merges in a tokenizer.json's form, and the rank of each where that isn't its place in the list. */
export interface RankedMerges {
  readonly merges: [string, string][];
  /** One a merge; the lowest is joined first, equal ones from left to right. */
  readonly ranks: number[];
}

/**
 * SentencePiece BPE keeps a score a piece and joins, of all neighbours whose concatenation is a piece, those of
 * the best score first, from left to right among equals. Written as merges: every way to cut a piece in two
 * pieces, best scores first, ranked by score, so that runs such as `▁▁▁` come out as SentencePiece has them.
 *
 * @param pieces the pieces that may be joined or come out of a join, with their ids, which index `scores`
 * @throws StagecoachError INVALID_ARGUMENT for a piece too long to be one.
 */
export function mergesFromScores(
  pieces: ReadonlyMap<string, number>,
  scores: Readonly<ArrayLike<number>>,
): RankedMerges {
  const joined = [...pieces].filter(([piece]) => piece.length > 1);
  joined.sort(([, left], [, right]) => (scores[right] ?? 0) - (scores[left] ?? 0) || left - right);
  const merges: [string, string][] = [];
  const ranks: number[] = [];
  let rank = -1;
  let lastScore: number | undefined;
  for (const [piece, id] of joined) {
    if (piece.length > longestPiece) throw tooLong(piece, id);
    if (scores[id] !== lastScore) rank += 1;
    lastScore = scores[id];
    for (const [left, right] of cuts(piece)) {
      if (!pieces.has(left) || !pieces.has(right)) continue;
      merges.push([left, right]);
      ranks.push(rank);
    }
  }
  return { merges, ranks };
}

function* cuts(piece: string): Generator<[string, string]> {
  for (let cut = 1; cut < piece.length; cut++) {
    const insideCharacter = isLowSurrogate(piece.charCodeAt(cut));
    if (!insideCharacter) yield [piece.slice(0, cut), piece.slice(cut)];
  }
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

function tooLong(piece: string, id: number): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `token ${id} of the vocabulary is ${piece.length} characters long ("${piece.slice(0, 20)}…"), more than the ` +
      `${longestPiece} a SentencePiece may have: the file is damaged, download or convert it again`,
    { details: { tokenId: id, length: piece.length } },
  );
}

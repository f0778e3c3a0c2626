/** The best tokens of a row, the best first, of equals the lower ids first, with their logits. */
export interface BestTokens {
  readonly tokens: ArrayLike<number>;
  readonly logits: ArrayLike<number>;
}

/** A row's weights `exp((logit - largest) / temperature)`, summed over runs of neighbouring tokens. */
export interface WeightSums {
  readonly temperature: number;
  /** Sums of all weights up to the end of each run. */
  readonly running: Float32Array;
  /** The run into which the random number's share of the total falls. */
  readonly run: number;
  /** Logits of that run's tokens. */
  readonly logits: Float32Array;
}

/** What a GPU tells of a row in place of its logits. */
export interface RowPart {
  readonly bestToken: number;
  /** Its logit. */
  readonly largest: number;
  readonly top?: BestTokens;
  readonly sums: readonly WeightSums[];
}

/** Sum of all weights of a row at a temperature; undefined where it was not taken. */
export function totalWeight({ sums }: RowPart, temperature: number): number | undefined {
  return sums.find((sum) => sum.temperature === temperature)?.running.at(-1);
}

/** The logit of a token; undefined where it is none of those that are known. */
export function knownLogit({ bestToken, largest, top, sums }: RowPart, tokenId: number): number | undefined {
  if (tokenId === bestToken) return largest;
  const place = top ? Array.from(top.tokens).indexOf(tokenId) : -1;
  if (place >= 0) return top?.logits[place];
  return sums
    .map(({ run, logits }) => logits[tokenId - run * logits.length])
    .find((logit) => logit !== undefined);
}

/** What came of asking for more than a card has. */
export interface MemoryTrial {
  /** In words: what was tried. */
  readonly name: string;
  /** Of the card while it was tried, by its driver; absent where it does not tell. */
  readonly freeBytes?: number;
  /** Stages, sequences or requests that got what they asked for. */
  readonly computed: number;
  readonly failed: number;
  /** What the others were told, each text once. */
  readonly reasons: readonly string[];
  readonly seconds: number;
}

/** Trials in the order in which they were made. */
export interface MemoryReport {
  readonly trials: readonly MemoryTrial[];
}

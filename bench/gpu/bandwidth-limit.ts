/** What a card's memory bandwidth allows a decode step to be. */
export interface BandwidthLimit {
  readonly memoryBytesPerSecond: number;
  /** Where the bandwidth is from. */
  readonly source: "data sheet";
  /** Read in every step: all layers and the head. */
  readonly weightBytes: number;
  readonly kvBytesPerToken: number;
  /** Tokens of a sequence that attention reads, the mean over its decoding. */
  readonly contextTokens: number;
  readonly steps: readonly StepLimit[];
}

/** The least that so many sequences' step reads, and how many tokens a second that allows. */
export interface StepLimit {
  readonly rows: number;
  readonly bytesPerStep: number;
  readonly tokensPerSecond: number;
}

/** By the name that the driver gives a card, the more special first; bytes a second as NVIDIA's data sheets have it. */
const cards: readonly (readonly [name: RegExp, bytesPerSecond: number])[] = [
  [/\bH200\b/, 4.8e12],
  [/\bH100 NVL\b/, 3.9e12],
  [/\bH100 PCIe\b/i, 2.0e12],
  [/\bH100\b/, 3.35e12],
  [/\bA100-SXM4-80GB\b/, 2.039e12],
  [/\bA100 80GB PCIe\b/, 1.935e12],
  [/\bA100\b/, 1.555e12],
  [/\bL40S\b/, 0.864e12],
  [/\bL4\b/, 0.3e12],
  [/\bRTX 4090\b/, 1.008e12],
];

/** Undefined for a card that is not in the table. */
export function cardBandwidth(name: string): number | undefined {
  return cards.find(([pattern]) => pattern.test(name))?.[1];
}

/** Limits by the number of sequences; computing and launching come on top. */
export function bandwidthLimit(
  sizes: Pick<BandwidthLimit, "memoryBytesPerSecond" | "weightBytes" | "kvBytesPerToken" | "contextTokens">,
  rowCounts: readonly number[],
): BandwidthLimit {
  const steps = rowCounts.map((rows) => {
    const bytesPerStep = sizes.weightBytes + rows * sizes.contextTokens * sizes.kvBytesPerToken;
    return { rows, bytesPerStep, tokensPerSecond: (rows * sizes.memoryBytesPerSecond) / bytesPerStep };
  });
  return { ...sizes, source: "data sheet", steps };
}

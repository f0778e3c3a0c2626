import type { ModelConfig, RopeScaling } from "./config.js";

/**
 * Cosines and sines of rotary embeddings for positions 0 to `positions - 1`, each
 * `[positions, ropeDimension / 2]` f32, row major. Angles are computed in float64. With YaRN both are multiplied
 * by its attention factor, so that scores of rotated queries and keys come out multiplied by its square.
 */
export function rotaryTables(
  config: ModelConfig,
  positions: number,
): { cos: Float32Array; sin: Float32Array } {
  const frequencies = rotaryFrequencies(config);
  const pairs = frequencies.length;
  const magnitude = config.ropeScaling.kind === "yarn" ? config.ropeScaling.attentionFactor : 1;
  const cos = new Float32Array(positions * pairs);
  const sin = new Float32Array(positions * pairs);
  for (let position = 0; position < positions; position++) {
    for (let pair = 0; pair < pairs; pair++) {
      const angle = position * (frequencies[pair] as number);
      cos[position * pairs + pair] = Math.cos(angle) * magnitude;
      sin[position * pairs + pair] = Math.sin(angle) * magnitude;
    }
  }
  return { cos, sin };
}

/** Radians a position for each rotary pair, `[ropeDimension / 2]`. */
function rotaryFrequencies({ ropeBase, ropeDimension, ropeScaling }: ModelConfig): Float64Array {
  const plain = Float64Array.from(
    { length: ropeDimension / 2 },
    (_, pair) => ropeBase ** ((-2 * pair) / ropeDimension),
  );
  switch (ropeScaling.kind) {
    case "none":
      return plain;
    case "linear":
      return plain.map((frequency) => frequency / ropeScaling.factor);
    case "factors":
      return plain.map((frequency, pair) => frequency / (ropeScaling.factors[pair] as number));
    case "llama3":
      return plain.map((frequency) => llama3Frequency(frequency, ropeScaling));
    case "yarn":
      return yarnFrequencies(plain, ropeBase, ropeScaling);
  }
}

/** Short waves stay, long ones are stretched by `factor`, those between are blended by wavelength. */
function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { kind: "llama3" }>): number {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalContextLength } = scaling;
  // How often the wave fits the original context.
  const turns = (originalContextLength * frequency) / (2 * Math.PI);
  const kept = clamp((turns - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor));
  return kept * frequency + (1 - kept) * (frequency / factor);
}

/** YaRN, section 3.2: the blend runs over dimensions, between the two that turn betaFast and betaSlow times. */
function yarnFrequencies(
  plain: Float64Array,
  base: number,
  scaling: Extract<RopeScaling, { kind: "yarn" }>,
): Float64Array {
  const { factor, originalContextLength, betaFast, betaSlow } = scaling;
  const dimension = 2 * plain.length;
  const pairThatTurns = (turns: number) =>
    (dimension * Math.log(originalContextLength / (2 * Math.PI * turns))) / (2 * Math.log(base));
  const first = Math.max(0, Math.floor(pairThatTurns(betaFast)));
  const last = Math.min(dimension - 1, Math.ceil(pairThatTurns(betaSlow)));
  const width = Math.max(last - first, 0.001);
  return plain.map((frequency, pair) => {
    const stretched = clamp((pair - first) / width);
    return (1 - stretched) * frequency + stretched * (frequency / factor);
  });
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

/** A time of `alphaMs + betaMs * rows`, fitted from measurements. */
export interface LinearTime {
  readonly alphaMs: number;
  readonly betaMs: number;
  /** What was measured, rows ascending: times between are read off these, the line is for beyond them. */
  readonly points?: readonly { readonly rows: number; readonly ms: number }[];
}

/** A form in which a device may hold a model's weights; sizes in bytes. */
export interface HeldWeights {
  /** f16, packed. */
  readonly name: string;
  readonly embeddingBytes: number;
  readonly layerBytes: readonly number[];
  readonly headBytes: number;
  /** It is taken where KV of so many tokens fits beside it; the last of several is taken otherwise. */
  readonly kvTokens: number;
}

/** What was measured of one worker on one model variant. */
export interface WorkerProfile {
  readonly workerId: string;
  readonly device: string;
  readonly layerDecode: LinearTime;
  readonly layerPrefill: LinearTime;
  readonly embedding: LinearTime;
  readonly head: LinearTime;
  /**
   * A micro-batch's cost to a stage beside its layers, embedding and head; what grows with the rows is for hidden
   * states, half for those that come in and half for those that go out. Absent: none.
   */
  readonly stage?: LinearTime;
  /** What one more token of context adds to a decoding row in one layer. Absent: nothing. */
  readonly attention?: { readonly msPerToken: number; readonly measuredAtTokens: number };
  readonly freeMemoryBytes: number;
  /** What its device keeps of a token in one layer. Absent: what the model says. */
  readonly kvBytesPerTokenLayer?: number;
  /** Tokens of a KV block that its device wants. Absent: any. */
  readonly blockSize?: number;
  /** Forms in which it may hold the weights, the best first. Absent: as the model's blobs are. */
  readonly weights?: readonly HeldWeights[];
  /** The GPU that it computes on: those who share one share its time. Absent: nobody shares what it computes on. */
  readonly deviceId?: string;
}

/** The link between two workers, or from the coordinator (`from: ""`). */
export interface LinkProfile {
  readonly from: string;
  readonly to: string;
  readonly roundTripMs: number;
  readonly bytesPerSecond: number;
}

/** What the planner needs of a model; `modelShape` makes it from a manifest. */
export interface ModelShape {
  readonly layerCount: number;
  readonly hiddenSize: number;
  /** Bytes of a token's hidden state on its way between stages. */
  readonly hiddenBytes: number;
  /** Bytes of KV a token a layer, on a CPU. */
  readonly kvBytesPerTokenLayer: number;
  readonly embeddingBytes: number;
  readonly layerBytes: readonly number[];
  readonly headBytes: number;
  /** The head reads the embedding's blob. */
  readonly tiedEmbedding: boolean;
}

export interface PlanRequest {
  readonly model: ModelShape;
  readonly workers: readonly WorkerProfile[];
  /** Missing pairs are taken as free. */
  readonly links: readonly LinkProfile[];
  /** Sequences decoding at once for which the plan is made. */
  readonly concurrency: number;
  /** Tokens of KV to make room for. */
  readonly kvTokens: number;
  /** Exactly so many stages; absent lets the planner choose. */
  readonly stages?: number;
  /**
   * Prompt tokens that are read for each token generated: the cut is for both together, predictions are for either
   * alone. Absent: none.
   */
  readonly promptTokensPerToken?: number;
  /** Tokens of a chunk that predictions of prefill are for. Defaults to 128. */
  readonly chunkTokens?: number;
  /** Length of the decoding sequences that predictions are for. Absent: as long as when they were measured. */
  readonly contextTokens?: number;
}

/** What so many sequences decoding at once should reach together. */
export interface Prediction {
  readonly concurrency: number;
  readonly decodeTokensPerSecond: number;
}

export interface PlannedStage {
  readonly workerId: string;
  readonly firstLayer: number;
  readonly endLayer: number;
  /** Predicted time of one micro-batch of `concurrency / lanes` decoding rows. */
  readonly decodeMs: number;
  /** Predicted time of a prefill chunk of `chunkTokens`. */
  readonly prefillMs: number;
  readonly weightBytes: number;
  /** The form in which its device will hold them, where it chooses. */
  readonly weights?: string;
  readonly kvBytes: number;
  /** Time of the hop to the next stage; for the last, back to the coordinator. */
  readonly hopMs: number;
}

export interface Plan {
  readonly stages: readonly PlannedStage[];
  readonly laneCount: number;
  /** What limits throughput: a stage or a hop, in words. */
  readonly bottleneck: string;
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  /** One request alone. */
  readonly singleTokensPerSecond: number;
  /** Decoding at other concurrencies, ascending; the last is the one that the plan was made for. */
  readonly predictions: readonly Prediction[];
  /** Workers left out and why. */
  readonly leftOut: readonly { workerId: string; reason: string }[];
  /** Other facts worth telling, e.g. that replicas would beat a pipeline. */
  readonly remarks: readonly string[];
}

/** Pipelines of one model side by side, in the order of their numbers. */
export interface ReplicatedPlan {
  readonly replicas: readonly Plan[];
  /** Sums over the replicas, requests shared out as the router does. */
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
  /** One request alone, on the fastest replica. */
  readonly singleTokensPerSecond: number;
  readonly predictions: readonly Prediction[];
}

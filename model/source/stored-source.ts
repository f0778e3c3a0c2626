import { StagecoachError } from "../../common/errors.js";
import type { ModelConfig } from "../config.js";
import { isBlockEncoding } from "../encoding/block-formats.js";
import type { TokenizerSpec } from "../tokenizer/tokenizer-spec.js";
import type { GenerationDefaults, ModelSource, TensorInfo, TensorName } from "./model-source.js";
import type { OpenFile } from "./open-file.js";
import { quote } from "./quote.js";
import type { StoredTensor } from "./stored-tensor.js";

/** What the reader of a format found out. */
export interface SourceParts {
  readonly origin: ModelSource["origin"];
  readonly config: ModelConfig;
  readonly tokenizer: TokenizerSpec;
  readonly chatTemplate: string | undefined;
  readonly generationDefaults: GenerationDefaults;
  /** By canonical name. */
  readonly tensors: ReadonlyMap<TensorName, StoredTensor>;
  /** Closed with the source. */
  readonly files: readonly OpenFile[];
}

/** A ModelSource over open files. */
export class StoredSource implements ModelSource {
  readonly origin: ModelSource["origin"];
  readonly config: ModelConfig;
  readonly tokenizer: TokenizerSpec;
  readonly chatTemplate?: string;
  readonly generationDefaults: GenerationDefaults;
  readonly quantized: boolean;
  readonly #tensors: ReadonlyMap<TensorName, StoredTensor>;
  readonly #files: readonly OpenFile[];

  constructor(parts: SourceParts) {
    this.origin = parts.origin;
    this.config = parts.config;
    this.tokenizer = parts.tokenizer;
    if (parts.chatTemplate !== undefined) this.chatTemplate = parts.chatTemplate;
    this.generationDefaults = parts.generationDefaults;
    this.#tensors = parts.tensors;
    this.#files = parts.files;
    const matrices = [...parts.tensors.values()].filter(({ shape }) => shape.length > 1);
    this.quantized = matrices.some(({ encoding }) => isBlockEncoding(encoding));
  }

  tensor(name: TensorName): TensorInfo | undefined {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) return undefined;
    const { shape, encoding, sizeBytes } = tensor;
    return { name, shape, encoding, sizeBytes };
  }

  async read(name: TensorName): Promise<Uint8Array> {
    const tensor = this.#tensors.get(name);
    if (tensor !== undefined) return tensor.file.read(tensor.offsetBytes, tensor.sizeBytes);
    throw new StagecoachError("NOT_FOUND", `${this.origin.name} has no tensor ${quote(name)}`);
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}

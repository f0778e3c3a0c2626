import type { TensorInfo } from "./model-source.js";
import type { OpenFile } from "./open-file.js";

/** A tensor by the file's own name for it, and where its bytes are. */
export interface StoredTensor extends TensorInfo {
  readonly file: OpenFile;
  /** From the start of the file. */
  readonly offsetBytes: number;
}

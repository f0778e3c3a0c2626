import type { GgufMetadata } from "./gguf-metadata.js";
import { readTensorTable } from "./gguf-tensors.js";
import type { GgufScalarType } from "./gguf-types.js";
import { readMetadata } from "./gguf-values.js";
import type { OpenFile } from "./open-file.js";
import { quote } from "./quote.js";
import { SequentialReader } from "./sequential-reader.js";
import type { StoredTensor } from "./stored-tensor.js";

/** What a GGUF file says before its weights. */
export interface GgufHeader {
  readonly version: number;
  readonly metadata: GgufMetadata;
  /** Type of every value, of an array's elements for an array; what writing the metadata again needs. */
  readonly types: ReadonlyMap<string, GgufScalarType>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** Vocabularies take tens of megabytes; what a hostile header can make of itself in memory stays a few times this. */
const longestHeaderBytes = 2 ** 28;
/** Key of one character, type of its value, value of one byte. */
const smallestEntryBytes = 9 + 4 + 1;
/** Name of one character, one dimension, type, offset. */
const smallestTensorBytes = 9 + 4 + 8 + 4 + 8;

/**
 * Reads header, metadata and tensor table of a GGUF file, versions 2 and 3. Not @huggingface/gguf: that
 * package takes a later duplicate of a key for the earlier one, leaves types, offsets and overlaps of tensors
 * unchecked, and reads 50 MB of header at most.
 * @throws StagecoachError DATA_LOSS when the file is shorter than it says, INVALID_ARGUMENT for anything else
 * that no sound file holds.
 */
export function readGgufHeader(file: OpenFile): GgufHeader {
  const reader = new SequentialReader(file, longestHeaderBytes);
  const version = readVersion(reader);
  const tensorCount = reader.count("the number of tensors", smallestTensorBytes);
  const entryCount = reader.count("the number of metadata values", smallestEntryBytes);
  const { metadata, types } = readMetadata(reader, entryCount);
  return { version, metadata, types, tensors: readTensorTable(reader, tensorCount, metadata) };
}

function readVersion(reader: SequentialReader): number {
  const magic = Buffer.from(reader.bytes(4, "the magic number")).toString("latin1");
  if (magic !== "GGUF") {
    throw reader.error(
      "INVALID_ARGUMENT",
      `starts with ${quote(magic)} and not with "GGUF": not a GGUF file`,
    );
  }
  const version = reader.uint32("the version");
  if (version === 2 || version === 3) return version;
  const swapped = (version & 0xffff) === 0 && version !== 0;
  const why = swapped
    ? "is big-endian: convert the model for little-endian machines"
    : `has GGUF version ${version}, and versions 2 and 3 are supported: convert the model again with a current llama.cpp`;
  throw reader.error("INVALID_ARGUMENT", why);
}

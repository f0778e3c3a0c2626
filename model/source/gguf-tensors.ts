import { blockElements, encodedSizeBytes } from "../encoding/encoded-size.js";
import { findNumber, type GgufMetadata } from "./gguf-metadata.js";
import { describeType, encodingOf, ggufEncodings } from "./gguf-types.js";
import { readName } from "./gguf-values.js";
import { quote } from "./quote.js";
import type { SequentialReader } from "./sequential-reader.js";
import type { StoredTensor } from "./stored-tensor.js";

const defaultAlignmentBytes = 32;
const mostDimensions = 4;

/**
 * Reads the table of tensors, at which the reader stands, and checks it against the file.
 * @returns the tensors by name, shapes row major (GGUF lists the fastest dimension first).
 */
export function readTensorTable(
  reader: SequentialReader,
  count: number,
  metadata: GgufMetadata,
): Map<string, StoredTensor> {
  const alignmentBytes = readAlignment(reader, metadata);
  const tensors = new Map<string, StoredTensor>();
  for (let i = 0; i < count; i++) {
    const tensor = readTensor(reader, i, alignmentBytes);
    if (tensors.has(tensor.name)) {
      throw reader.error("INVALID_ARGUMENT", `tensor ${quote(tensor.name)} is there twice`);
    }
    tensors.set(tensor.name, tensor);
  }
  const dataStartBytes = Math.ceil(reader.offsetBytes / alignmentBytes) * alignmentBytes;
  for (const [name, tensor] of tensors) {
    tensors.set(name, { ...tensor, offsetBytes: tensor.offsetBytes + dataStartBytes });
  }
  checkPlaces(reader, tensors);
  return tensors;
}

function readAlignment(reader: SequentialReader, metadata: GgufMetadata): number {
  const alignment = findNumber(metadata, "general.alignment") ?? defaultAlignmentBytes;
  const powerOfTwo = Number.isInteger(Math.log2(alignment));
  if (powerOfTwo && alignment >= 1 && alignment <= 2 ** 30) return alignment;
  throw reader.error("INVALID_ARGUMENT", `general.alignment is ${alignment}, not a power of two up to 2^30`);
}

/** One entry; its offset still counts from the start of the data. */
function readTensor(reader: SequentialReader, index: number, alignmentBytes: number): StoredTensor {
  const name = readName(reader, `the name of tensor ${index}`);
  const what = `tensor ${quote(name)}`;
  const shape = readShape(reader, what);
  const type = reader.uint32(`the type of ${what}`);
  const encoding = encodingOf(type);
  if (encoding === undefined) {
    throw reader.error(
      "INVALID_ARGUMENT",
      `${what} has type ${describeType(type)}; supported are ${Object.keys(ggufEncodings).join(", ")}`,
    );
  }
  const columns = shape.at(-1) as number;
  if (columns % blockElements(encoding) !== 0) {
    throw reader.error(
      "INVALID_ARGUMENT",
      `${what} has rows of ${columns}, which ${encoding} cannot store in blocks of ${blockElements(encoding)}`,
    );
  }
  const offset = reader.uint64(`the offset of ${what}`);
  if (offset > BigInt(Number.MAX_SAFE_INTEGER) || Number(offset) % alignmentBytes !== 0) {
    throw reader.error(
      "INVALID_ARGUMENT",
      `${what} has offset ${offset}, which is not a multiple of the alignment ${alignmentBytes} within 2^53`,
    );
  }
  const sizeBytes = encodedSizeBytes(encoding, elementsOf(shape));
  return { name, shape, encoding, sizeBytes, file: reader.file, offsetBytes: Number(offset) };
}

function readShape(reader: SequentialReader, what: string): number[] {
  const count = reader.uint32(`the number of dimensions of ${what}`);
  if (count < 1 || count > mostDimensions) {
    throw reader.error("INVALID_ARGUMENT", `${what} has ${count} dimensions, not 1 to ${mostDimensions}`);
  }
  const dimensions = Array.from({ length: count }, (_, i) => reader.uint64(`dimension ${i} of ${what}`));
  const elements = dimensions.reduce((product, dimension) => product * dimension, 1n);
  // Four bytes an element, the most of any encoding, must still be a size that a number holds exactly.
  if (elements < 1n || elements > BigInt(Number.MAX_SAFE_INTEGER) / 4n) {
    throw reader.error(
      "INVALID_ARGUMENT",
      `${what} has shape [${dimensions.join(", ")}], ${elements} elements`,
    );
  }
  return dimensions.map(Number).reverse();
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * Refuses tensors that reach beyond the file or into each other.
 * @throws StagecoachError DATA_LOSS and INVALID_ARGUMENT
 */
function checkPlaces(reader: SequentialReader, tensors: ReadonlyMap<string, StoredTensor>): void {
  const inOrder = [...tensors.values()].sort((a, b) => a.offsetBytes - b.offsetBytes);
  let previous: StoredTensor | undefined;
  for (const tensor of inOrder) {
    const end = tensor.offsetBytes + tensor.sizeBytes;
    if (end > reader.file.sizeBytes) {
      throw reader.error(
        "DATA_LOSS",
        `tensor ${quote(tensor.name)} ends at byte ${end}, beyond the file's ${reader.file.sizeBytes}`,
      );
    }
    if (previous !== undefined && previous.offsetBytes + previous.sizeBytes > tensor.offsetBytes) {
      throw reader.error(
        "INVALID_ARGUMENT",
        `tensors ${quote(previous.name)} and ${quote(tensor.name)} overlap at byte ${tensor.offsetBytes}`,
      );
    }
    previous = tensor;
  }
}

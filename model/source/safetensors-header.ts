import { StagecoachError } from "../../common/errors.js";
import { encodedSizeBytes } from "../encoding/encoded-size.js";
import { countTopLevelKeys } from "./json-keys.js";
import type { Encoding } from "./model-source.js";
import type { OpenFile } from "./open-file.js";
import { quote } from "./quote.js";
import { isObject, type JsonObject, parseObject } from "./read-json.js";
import { show } from "./settings.js";
import type { StoredTensor } from "./stored-tensor.js";

/** As in the format's own library. */
const longestHeaderBytes = 100_000_000;
const mostDimensions = 8;
const lengthBytes = 8;

const encodings: Readonly<Record<string, Encoding>> = { F32: "F32", F16: "F16", BF16: "BF16" };

/**
 * Reads and checks the header of one safetensors file: tensors lie one after the other from the header to the
 * end of the file, with no gap and no overlap.
 * @returns its tensors by name.
 * @throws StagecoachError DATA_LOSS when the file is shorter than it says, INVALID_ARGUMENT for anything else
 * that no sound file holds.
 */
export async function readSafetensorsHeader(file: OpenFile): Promise<ReadonlyMap<string, StoredTensor>> {
  const text = await readHeaderText(file);
  const what = `the header of ${file.name}`;
  const header = parseObject(text, what);
  const entries = Object.entries(header);
  // JSON.parse keeps the last of two equal keys and says nothing.
  if (countTopLevelKeys(text) !== entries.length) {
    throw new StagecoachError("INVALID_ARGUMENT", `${what} names a tensor twice`);
  }
  const dataStartBytes = lengthBytes + Buffer.byteLength(text);
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of entries) {
    if (name !== "__metadata__") tensors.set(name, readTensor(file, dataStartBytes, name, entry));
  }
  checkPlaces(file, dataStartBytes, tensors);
  return tensors;
}

async function readHeaderText(file: OpenFile): Promise<string> {
  if (file.sizeBytes < lengthBytes) throw cutOff(file, `has ${file.sizeBytes} bytes, not even a header`);
  const prefix = await file.read(0, lengthBytes);
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(longestHeaderBytes)) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${file.name} says that its header has ${length} bytes, and it may have ${longestHeaderBytes}: not a safetensors file`,
    );
  }
  if (Number(length) > file.sizeBytes - lengthBytes) {
    throw cutOff(file, `has ${file.sizeBytes} bytes, and its header alone should have ${length}`);
  }
  const bytes = await file.read(lengthBytes, Number(length));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (reason) {
    throw new StagecoachError("INVALID_ARGUMENT", `the header of ${file.name} is not UTF-8`, {
      cause: reason,
    });
  }
}

function readTensor(file: OpenFile, dataStartBytes: number, name: string, entry: unknown): StoredTensor {
  const what = `${file.name}: tensor ${quote(name)}`;
  if (!isObject(entry))
    throw new StagecoachError("INVALID_ARGUMENT", `${what} is ${show(entry)}, not an object`);
  const dtype = entry["dtype"];
  const encoding =
    typeof dtype === "string" && Object.hasOwn(encodings, dtype) ? encodings[dtype] : undefined;
  if (encoding === undefined) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${what} has dtype ${show(dtype)}; supported are ${Object.keys(encodings).join(", ")}`,
    );
  }
  const shape = readShape(what, entry);
  const sizeBytes = encodedSizeBytes(
    encoding,
    shape.reduce((product, size) => product * size, 1),
  );
  const [begin, end] = readOffsets(what, entry);
  if (end - begin !== sizeBytes) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${what} has data_offsets [${begin}, ${end}], but [${shape.join(", ")}] ${encoding} takes ${sizeBytes} bytes`,
    );
  }
  if (dataStartBytes + end > file.sizeBytes) {
    throw cutOff(
      file,
      `has ${file.sizeBytes} bytes, and tensor ${quote(name)} ends at ${dataStartBytes + end}`,
    );
  }
  return { name, shape, encoding, sizeBytes, file, offsetBytes: dataStartBytes + begin };
}

function readShape(what: string, entry: JsonObject): number[] {
  const shape = entry["shape"];
  const sound = isSizes(shape) && shape.length <= mostDimensions && shape.every((size) => size > 0);
  // Four bytes an element must still be a size that a number holds exactly; each product is checked, since
  // rounding could hide that it was too large.
  if (sound && productWithin(shape, Number.MAX_SAFE_INTEGER / 4)) return shape;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${what} has shape ${quote(JSON.stringify(shape) ?? "none")}, which is not up to ${mostDimensions} sizes above zero`,
  );
}

function readOffsets(what: string, entry: JsonObject): [begin: number, end: number] {
  const offsets = entry["data_offsets"];
  const [begin, end, ...others] = isSizes(offsets) ? offsets : [];
  if (begin !== undefined && end !== undefined && others.length === 0) return [begin, end];
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${what} has data_offsets ${quote(JSON.stringify(offsets) ?? "none")}, which are not two offsets`,
  );
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function productWithin(sizes: readonly number[], limit: number): boolean {
  let product = 1;
  for (const size of sizes) {
    product *= size;
    if (product > limit) return false;
  }
  return true;
}

function checkPlaces(file: OpenFile, start: number, tensors: ReadonlyMap<string, StoredTensor>): void {
  let end = start;
  for (const tensor of [...tensors.values()].sort((a, b) => a.offsetBytes - b.offsetBytes)) {
    if (tensor.offsetBytes !== end) {
      const problem = tensor.offsetBytes < end ? "overlaps the tensor before it" : "leaves a gap before it";
      throw new StagecoachError(
        "INVALID_ARGUMENT",
        `${file.name}: tensor ${quote(tensor.name)} ${problem}, at byte ${tensor.offsetBytes} of the file`,
      );
    }
    end += tensor.sizeBytes;
  }
  if (end === file.sizeBytes) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${file.name} has ${file.sizeBytes} bytes, but its tensors end at ${end}`,
  );
}

function cutOff(file: OpenFile, what: string): StagecoachError {
  return new StagecoachError("DATA_LOSS", `${file.name} ${what}: it is cut off, download it again`, {
    details: { path: file.path },
  });
}

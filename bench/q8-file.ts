import { dequantize } from "../model/encoding/dequantize.js";
import { toHalf } from "../model/encoding/half.js";
import { quantizeBlocks } from "../model/encoding/quantize-blocks.js";
import { readGgufHeader } from "../model/source/gguf-header.js";
import { type GgufTensor, writeGguf } from "../model/source/gguf-writer.js";
import { OpenFile } from "../model/source/open-file.js";
import type { StoredTensor } from "../model/source/stored-tensor.js";

const blockSize = 32;
const blockBytes = 2 + blockSize;
/** llama.cpp's number for a file that is mostly Q8_0. */
const mostlyQ8 = 7;

/**
 * Writes the same weights as Q8_0, llama.cpp's fastest format on most processors: every matrix whose rows are whole
 * blocks; vectors and other matrices stay as they are.
 * @throws StagecoachError as reading and writing GGUF files does
 */
export async function writeQ8File(fromPath: string, toPath: string): Promise<void> {
  const file = await OpenFile.open(fromPath);
  try {
    const { metadata, types, tensors } = readGgufHeader(file);
    await writeGguf(toPath, {
      metadata: new Map([...metadata, ["general.file_type", mostlyQ8]]),
      types,
      tensors: Array.from(tensors.values(), (tensor) => asQ8(file, tensor)),
    });
  } finally {
    await file.close();
  }
}

function asQ8(file: OpenFile, tensor: StoredTensor): GgufTensor {
  const { name, shape, encoding, offsetBytes, sizeBytes } = tensor;
  const [rows, columns] = shape;
  const read = (): Promise<Uint8Array> => file.read(offsetBytes, sizeBytes);
  if (shape.length !== 2 || rows === undefined || columns === undefined || columns % blockSize !== 0) {
    return { name, shape, encoding, data: read };
  }
  return {
    name,
    shape,
    encoding: "Q8_0",
    data: async () => q8Blocks(dequantize(encoding, await read(), rows * columns), rows, columns),
  };
}

/** Blocks of Q8_0: an f16 scale, then 32 signed bytes. */
function q8Blocks(values: Float32Array, rows: number, columns: number): Uint8Array {
  const { quants, scales } = quantizeBlocks(values, rows, columns, 8);
  const bytes = Buffer.alloc(scales.length * blockBytes);
  for (const [block, scale] of scales.entries()) {
    const start = block * blockBytes;
    bytes.writeUInt16LE(toHalf(scale), start);
    // Levels are stored with their zero at 128.
    for (let at = 0; at < blockSize; at++)
      bytes[start + 2 + at] = (quants[block * blockSize + at] as number) ^ 0x80;
  }
  return bytes;
}

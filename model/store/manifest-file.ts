import { readFile, stat } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import { type Blob, type Manifest, manifestSchema, type PackedProduct } from "./manifest.js";

/** Tensors begin at multiples of this, so that ONNX Runtime can map them. */
export const tensorAlignmentBytes = 4096;

const maxManifestBytes = 64 * 2 ** 20;

/**
 * Reads a manifest from disk.
 *
 * @throws StagecoachError DATA_LOSS naming the file and the way out when it is damaged; NOT_FOUND when
 *   it does not exist.
 */
export async function readManifest(path: string, model: string): Promise<Manifest> {
  const { size } = await stat(path);
  if (size > maxManifestBytes) throw damaged(path, model, new Error(`${size} bytes are too many`));
  try {
    return parseManifest(await readFile(path, "utf8"));
  } catch (error) {
    throw damaged(path, model, error);
  }
}

/**
 * Reads a manifest's text and checks what the schema alone cannot: the order of the blobs, that tensors lie
 * inside their blobs, and that products name tensors that exist.
 *
 * @throws StagecoachError INVALID_ARGUMENT saying what is wrong.
 */
export function parseManifest(text: string): Manifest {
  const manifest = checkSchema(text);
  const roles = manifest.blobs.map(({ role, layer }) => (role === "layer" ? `layer ${layer}` : role));
  const layers = Array.from({ length: manifest.config.layerCount }, (_, layer) => `layer ${layer}`);
  if (roles.join() !== ["embed", ...layers, "head"].join()) {
    throw invalid(`its blobs are not embed, ${manifest.config.layerCount} layers and head, in this order`);
  }
  manifest.blobs.forEach(checkBlob);
  return manifest;
}

function checkSchema(text: string): Manifest {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error), error);
  }
}

const elementBytes = { f32: 4, f16: 2, u8: 1, i8: 1 } as const;

function checkBlob(blob: Blob): void {
  const where = blob.role === "layer" ? `layer ${blob.layer}` : blob.role;
  const names = new Set<string>();
  for (const { name, dtype, shape, offsetBytes, sizeBytes } of blob.tensors) {
    const expectedBytes = shape.reduce((product, size) => product * size, elementBytes[dtype]);
    if (names.has(name)) throw invalid(`${where} has two tensors ${name}`);
    if (sizeBytes !== expectedBytes) {
      throw invalid(`${where}'s tensor ${name} is ${sizeBytes} bytes, its shape needs ${expectedBytes}`);
    }
    if (offsetBytes % tensorAlignmentBytes !== 0 || offsetBytes + sizeBytes > blob.sizeBytes) {
      throw invalid(`${where}'s tensor ${name} lies at ${offsetBytes}, outside its blob or not aligned`);
    }
    names.add(name);
  }
  for (const product of blob.products) {
    const missing = tensorsOf(product).find((part) => part !== undefined && !names.has(part));
    if (missing !== undefined) throw invalid(`${where}'s product ${product.name} names no tensor ${missing}`);
  }
}

function tensorsOf(product: PackedProduct): (string | undefined)[] {
  switch (product.encoding) {
    case "dense":
      return [product.weight, product.bias];
    case "blocked":
      return [product.quants, product.scales, product.offsets, product.bias];
    case "w8a8":
      return [product.weight, product.scales, product.bias];
  }
}

function invalid(reason: string, cause?: unknown): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", `not a manifest: ${reason}`, { cause });
}

function damaged(path: string, model: string, cause: unknown): StagecoachError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StagecoachError(
    "DATA_LOSS",
    `${path} is damaged (${reason}): \`stagecoach pull ${model}\` makes it anew, \`stagecoach rm ${model}\` removes it`,
    { cause, details: { path } },
  );
}

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import type { TokenizerSpec } from "../tokenizer/tokenizer-spec.js";
import { writeFileAtomic } from "./atomic-file.js";
import { type BlobId, BlobWriter, packPartialPattern } from "./blob-writer.js";
import { type Disk, isErrno, readdirIfThere, realDisk, statIfThere } from "./disk.js";
import type { Manifest, Variant } from "./manifest.js";
import { readManifest } from "./manifest-file.js";
import { isModelName, isVariant, parseModelName } from "./model-name.js";
import { type LockHolder, withLock } from "./store-lock.js";

/** A packed variant of a model. */
export interface StoredModel {
  readonly manifest: Manifest;
  /** Its blobs and tokenizer; blobs shared with other models count for each. */
  readonly sizeBytes: number;
}

/** A manifest that cannot be read. */
export interface DamagedModel {
  readonly name: string;
  readonly variant: Variant;
  readonly error: StagecoachError;
}

/** How to wait for other processes that change the store. */
export interface ExclusiveOptions {
  /** Completes "process 12 is …". */
  purpose: string;
  /** Defaults to true. */
  wait?: boolean | undefined;
  onWait?: ((holder: LockHolder | undefined) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** Opens the store below a home. Nothing is read or made before it is asked for. */
export function openStore(home: Home, disk: Disk = realDisk): ModelStore {
  return new ModelStore(home, disk);
}

/**
 * Packed models on disk: manifests by name and variant, and the content-addressed blobs that they share.
 * Reading needs no lock, since everything appears under its name only when it is whole.
 */
export class ModelStore {
  readonly home: Home;
  readonly disk: Disk;

  constructor(home: Home, disk: Disk) {
    this.home = home;
    this.disk = disk;
  }

  /** All models by name, then variant. */
  async list(): Promise<{ models: StoredModel[]; damaged: DamagedModel[] }> {
    const models: StoredModel[] = [];
    const damaged: DamagedModel[] = [];
    for (const { name, variant } of await this.#entries()) {
      try {
        const manifest = await readManifest(this.#manifestPath(name, variant), `${name}:${variant}`);
        models.push({ manifest, sizeBytes: sizeOf(manifest) });
      } catch (error) {
        // Removed since the folder was read.
        if (isErrno(error, "ENOENT")) continue;
        damaged.push({ name, variant, error: StagecoachError.from(error) });
      }
    }
    return { models, damaged };
  }

  /**
   * A variant of a model by its name in the store; undefined when it is not packed.
   *
   * @throws StagecoachError DATA_LOSS naming the file when its manifest is damaged.
   */
  async find(name: string, variant: Variant): Promise<Manifest | undefined> {
    if (!isModelName(name)) return undefined;
    try {
      return await readManifest(this.#manifestPath(name, variant), `${name}:${variant}`);
    } catch (error) {
      if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return undefined;
      throw error;
    }
  }

  /**
   * A packed model by what a user types: `smollm2`, `smollm2:f32`, `smollm2-135m-instruct`. Without a
   * variant, `int8` comes first, then as-is, f32, f16, int4.
   *
   * @throws StagecoachError NOT_FOUND naming the way out, INVALID_ARGUMENT for what is no name.
   */
  async get(reference: string, variant?: Variant): Promise<Manifest> {
    const wanted = parseModelName(reference);
    const order = variant ?? wanted.variant;
    for (const candidate of order === undefined
      ? (["int8", "as-is", "f32", "f16", "int4"] as const)
      : [order]) {
      const manifest = await this.find(wanted.name, candidate);
      if (manifest !== undefined) return manifest;
    }
    const what = order === undefined ? wanted.name : `${wanted.name}:${order}`;
    throw new StagecoachError(
      "NOT_FOUND",
      `the store at ${this.home.root} has no ${what}: \`stagecoach pull ${what}\` fetches it, \`stagecoach list\` shows what is there`,
    );
  }

  /** Variants of a model that are packed, damaged ones among them. */
  async variantsOf(name: string): Promise<Variant[]> {
    return (await this.#entries()).filter((entry) => entry.name === name).map(({ variant }) => variant);
  }

  /** Puts a manifest into the store; its blobs must be there before. */
  async write(manifest: Manifest): Promise<void> {
    await writeFileAtomic(
      this.#manifestPath(manifest.model, manifest.variant),
      `${JSON.stringify(manifest)}\n`,
      this.disk,
    );
  }

  /** Takes a manifest out of the store; its blobs stay. */
  async removeManifest(name: string, variant: Variant): Promise<void> {
    await rm(this.#manifestPath(name, variant), { force: true });
  }

  /** Where a blob is or would be. @throws StagecoachError INVALID_ARGUMENT when `sha256` is not a hash. */
  blobPath(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) {
      throw new StagecoachError(
        "INVALID_ARGUMENT",
        `${JSON.stringify(sha256.slice(0, 80))} is no blob: blobs are named by 64 lower-case hex digits`,
      );
    }
    return join(this.home.blobs, sha256);
  }

  /** Whether a blob is here whole; where a size is given, with that size. */
  async has(sha256: string, sizeBytes?: number): Promise<boolean> {
    const found = await statIfThere(this.blobPath(sha256));
    return found?.isFile() === true && (sizeBytes === undefined || found.size === sizeBytes);
  }

  /** Size of a blob in bytes. @throws StagecoachError NOT_FOUND when it is not here. */
  async blobSize(sha256: string): Promise<number> {
    const found = await statIfThere(this.blobPath(sha256));
    if (found === undefined) {
      throw new StagecoachError(
        "NOT_FOUND",
        `the store at ${this.home.root} has no blob ${sha256}: \`stagecoach pull\` its model again there`,
      );
    }
    return found.size;
  }

  /** Reads a blob and tells whether its bytes still have its hash. */
  async verify(sha256: string): Promise<boolean> {
    if (!(await this.has(sha256))) return false;
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(this.blobPath(sha256), { highWaterMark: 2 ** 20 })) {
      hash.update(chunk as Buffer);
    }
    return hash.digest("hex") === sha256;
  }

  /** The blobs of a manifest that are absent or have another size than it says. */
  async missingBlobs(manifest: Manifest): Promise<string[]> {
    const wanted = [...manifest.blobs, manifest.tokenizer];
    const here = await Promise.all(wanted.map(({ sha256, sizeBytes }) => this.has(sha256, sizeBytes)));
    return wanted.filter((_, index) => !here[index]).map(({ sha256 }) => sha256);
  }

  /**
   * The tokenizer that a manifest names.
   *
   * @throws StagecoachError NOT_FOUND when its blob is not here, DATA_LOSS when it is damaged.
   */
  async readTokenizer(manifest: Manifest): Promise<TokenizerSpec> {
    const { sha256 } = manifest.tokenizer;
    await this.blobSize(sha256);
    const bytes = await readFile(this.blobPath(sha256));
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      throw new StagecoachError(
        "DATA_LOSS",
        `the tokenizer ${this.blobPath(sha256)} is damaged: \`stagecoach rm ${manifest.model}\`, then pull it again`,
      );
    }
    return JSON.parse(bytes.toString("utf8")) as TokenizerSpec;
  }

  /** Begins a blob; see BlobWriter. */
  createBlob(neededBytes: number): Promise<BlobWriter> {
    return BlobWriter.create(this.disk, this.home.blobs, neededBytes);
  }

  /** Runs `body` while no other process packs or removes models here. */
  exclusive<Result>(
    options: ExclusiveOptions,
    body: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    return withLock({ ...options, path: join(this.home.state, "store.lock") }, body);
  }

  /** Deletes what killed packers left; only while holding `exclusive`, when no packer lives. */
  async cleanPartials(): Promise<void> {
    const garbage = (await readdirIfThere(this.home.blobs)).filter((name) => packPartialPattern.test(name));
    await Promise.all(garbage.map((name) => rm(join(this.home.blobs, name), { force: true })));
  }

  /** Bytes of all blobs that manifests name, each counted once. */
  async totalBytes(): Promise<number> {
    const { models } = await this.list();
    return sumUnique(models.flatMap(({ manifest }) => [...manifest.blobs, manifest.tokenizer]));
  }

  async #entries(): Promise<{ name: string; variant: Variant }[]> {
    const entries: { name: string; variant: Variant }[] = [];
    for (const name of (await readdirIfThere(this.home.models)).filter(isModelName).sort()) {
      for (const file of (await readdirIfThere(join(this.home.models, name))).sort()) {
        const variant = file.replace(/\.json$/, "");
        if (file.endsWith(".json") && isVariant(variant)) entries.push({ name, variant });
      }
    }
    return entries;
  }

  #manifestPath(name: string, variant: Variant): string {
    return join(this.home.models, name, `${variant}.json`);
  }
}

function sizeOf({ blobs, tokenizer }: Manifest): number {
  return sumUnique([...blobs, tokenizer]);
}

function sumUnique(blobs: readonly BlobId[]): number {
  const sizes = new Map(blobs.map(({ sha256, sizeBytes }) => [sha256, sizeBytes]));
  return [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}

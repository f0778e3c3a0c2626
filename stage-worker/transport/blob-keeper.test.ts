import { createHash } from "node:crypto";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { beforeEach, expect, test, vi } from "vitest";
import { createLogger } from "../../common/log.js";
import { type ModelStore, openStore } from "../../model/store/model-store.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import { BlobKeeper } from "./blob-keeper.js";

const bytes = Buffer.from("weights");
const blob = { sha256: createHash("sha256").update(bytes).digest("hex"), sizeBytes: bytes.length };
const nobody = { blobAddress: "", signal: new AbortController().signal };

let store: ModelStore;
let keeper: BlobKeeper;

beforeEach(async () => {
  store = openStore(await temporaryHome());
  await mkdir(store.home.blobs, { recursive: true });
  keeper = new BlobKeeper(store, createLogger({ name: "test", level: "silent" }));
});

test("a blob that is there is read once, and again when its file changed", async () => {
  await writeFile(store.blobPath(blob.sha256), bytes);
  const verify = vi.spyOn(store, "verify");
  const onProgress = vi.fn();
  await keeper.ensure([blob], { ...nobody, onProgress });
  await keeper.ensure([blob], nobody);
  expect(verify).toHaveBeenCalledTimes(1);
  expect(onProgress).toHaveBeenLastCalledWith(bytes.length, bytes.length);
  await utimes(store.blobPath(blob.sha256), 1, 1);
  await keeper.ensure([blob], nobody);
  expect(verify).toHaveBeenCalledTimes(2);
});

test("a damaged blob is taken out of the store, whether its size is right or not", async () => {
  for (const damaged of ["weighty", "weight"]) {
    await writeFile(store.blobPath(blob.sha256), damaged);
    await expect(keeper.ensure([blob], nobody)).rejects.toMatchObject({ code: "FAILED_PRECONDITION" });
    expect(await readdir(store.home.blobs)).toEqual([]);
  }
});

test("an absent blob with nobody to ask is refused by its name and the way out", async () => {
  await expect(keeper.ensure([blob], nobody)).rejects.toThrow(
    new RegExp(`${blob.sha256} is not in the store.*blob_address`),
  );
});

import type { Home } from "../../common/home.js";
import { packModel } from "../../model/pack/pack-model.js";
import type { Manifest, Variant } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { randomModel, type ShapeName } from "./random-model.js";

/** The random model of a shape in a home's store: as it was packed before, or packed now. */
export async function packedShape(
  home: Home,
  shape: ShapeName,
  variant: Variant,
  signal?: AbortSignal,
): Promise<Manifest> {
  const store = openStore(home);
  const name = `random-${shape}`;
  const known = await store.find(name, variant);
  return known ?? (await packModel({ source: randomModel(shape), store, name, variant, signal }));
}

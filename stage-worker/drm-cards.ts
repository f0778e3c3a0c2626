import { readdirSync, readFileSync, realpathSync } from "node:fs";
import { basename, join } from "node:path";

/** A GPU as Linux lists it. */
export interface DrmCard {
  /** Of PCI, e.g. `0x1002` for AMD; empty where it has none. */
  readonly vendor: string;
  readonly id: string;
  /** On the processor's own bus, where integrated ones are. */
  readonly onRootBus: boolean;
  /** Only AMD's driver tells these. */
  readonly videoBytes?: { readonly total: number; readonly used: number };
  /** Memory of the machine that it may use beside its own. */
  readonly sharedBytes?: { readonly total: number; readonly used: number };
}

/** What cards are read from; a seam for tests. */
export interface DrmFiles {
  /** Names below the folder; none where there is no such folder. */
  list(folder: string): readonly string[];
  /** Undefined where it cannot be read. */
  read(path: string): string | undefined;
  /** Where a link leads; undefined where it is none. */
  resolve(path: string): string | undefined;
}

const folder = "/sys/class/drm";

/** The GPUs of a Linux machine; none elsewhere. */
export function drmCards(files: DrmFiles = realFiles): DrmCard[] {
  return files
    .list(folder)
    .filter((name) => /^card\d+$/.test(name))
    .map((name) => cardAt(join(folder, name, "device"), files));
}

function cardAt(path: string, files: DrmFiles): DrmCard {
  const text = (name: string) => files.read(join(path, name))?.trim();
  const bytes = (kind: string) => {
    const [total, used] = [Number(text(`mem_info_${kind}_total`)), Number(text(`mem_info_${kind}_used`))];
    return total > 0 && used >= 0 ? { total, used } : undefined;
  };
  const [video, shared] = [bytes("vram"), bytes("gtt")];
  return {
    vendor: text("vendor") ?? "",
    id: text("device") ?? "",
    onRootBus: basename(files.resolve(path) ?? "").startsWith("0000:00:"),
    ...(video && { videoBytes: video }),
    ...(shared && { sharedBytes: shared }),
  };
}

const realFiles: DrmFiles = {
  list: (path) => orNothing(() => readdirSync(path)) ?? [],
  read: (path) => orNothing(() => readFileSync(path, "utf8")),
  resolve: (path) => orNothing(() => realpathSync(path)),
};

/** Not Linux, or a driver that tells less: then less is known. */
function orNothing<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

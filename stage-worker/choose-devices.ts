import { StagecoachError } from "../common/errors.js";
import { type ChosenDevice, chooseDevice, type DeviceLooks, realLooks } from "./choose-device.js";

/** Stands for every NVIDIA GPU of the machine. */
const everyGpu = "cuda:all";

/**
 * The devices that a process computes on, with a stage on each: `--device` with commas between them, of which
 * `cuda:all` is every NVIDIA GPU. One may come twice; what is not named has to stand alone.
 * @throws StagecoachError INVALID_ARGUMENT for a name of nothing and for `auto` in a list; as `chooseDevice` for a
 * device that cannot compute here
 */
export async function chooseDevices(
  text: string,
  looks: DeviceLooks = realLooks,
): Promise<readonly [ChosenDevice, ...ChosenDevice[]]> {
  const seen = lookOnce(looks);
  const names = text.split(",");
  if (names.length > 1 && names.includes("auto")) {
    const message = `--device ${text}: auto stands alone; name every device of a list`;
    throw new StagecoachError("INVALID_ARGUMENT", message);
  }
  const chosen: ChosenDevice[] = [];
  for (const name of names) {
    for (const one of name === everyGpu ? await everyGpuOf(seen) : [name]) {
      chosen.push(await chooseDevice(one, seen));
    }
  }
  const [first, ...others] = chosen as [ChosenDevice, ...ChosenDevice[]];
  return [first, ...others];
}

async function everyGpuOf(looks: DeviceLooks): Promise<string[]> {
  const { gpus } = (await looks.cuda()).gpus;
  // Without one, the first says why.
  return gpus.length === 0 ? ["cuda"] : gpus.map(({ index }) => `cuda:${index}`);
}

/** The same devices may be asked for again and again; looking takes some tenths of a second. */
function lookOnce(looks: DeviceLooks): DeviceLooks {
  let cuda: ReturnType<DeviceLooks["cuda"]> | undefined;
  let webgpu: ReturnType<DeviceLooks["webgpu"]> | undefined;
  let adapters: ReturnType<DeviceLooks["webgpuAdapters"]> | undefined;
  const tried = new Map<number, Promise<string | undefined>>();
  return {
    platform: looks.platform,
    cuda: () => {
      cuda ??= looks.cuda();
      return cuda;
    },
    tryCuda: (index) => {
      const trial = tried.get(index) ?? Promise.resolve(looks.tryCuda?.(index));
      tried.set(index, trial);
      return trial;
    },
    webgpu: () => {
      webgpu ??= looks.webgpu();
      return webgpu;
    },
    webgpuAdapters: () => {
      adapters ??= looks.webgpuAdapters();
      return adapters;
    },
  };
}

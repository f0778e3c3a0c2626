import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { cpus, hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import type { Logger } from "../../common/log.js";
import { version } from "../../common/package-root.js";
import type { ActivationDtype } from "../../common/tensor.js";
import { writeFileAtomic } from "../../model/store/atomic-file.js";
import { isErrno, realDisk } from "../../model/store/disk.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { DeviceIdentity } from "../device-identity.js";
import type { ModelTimes } from "../engine/measure-model.js";
import type { MeasureSchedule } from "../engine/measure-schedule.js";

const point = z.object({ rows: z.number().positive(), ms: z.number().nonnegative() });
const line = z.object({ alphaMs: z.number().nonnegative(), betaMs: z.number().nonnegative() });
const time = line.extend({ points: z.array(point) });
const timesSchema = z.object({
  layerDecode: time,
  layerPrefill: time,
  embedding: time,
  head: time,
  stage: line,
  attentionMsPerToken: z.number().nonnegative(),
  contextTokens: z.number().int().nonnegative(),
  disturbance: z.number().nonnegative(),
});

/** Counts up when something else is measured, so that what older versions kept is not taken for it. */
const formatVersion = 6;

/** What times depend on, beside this machine. */
export interface TimesFacts {
  readonly manifest: Manifest;
  readonly threads: number;
  readonly device: string;
  /** Which GPU of which driver it is. */
  readonly identity: DeviceIdentity;
  /** ONNX Runtime's version, which is also its providers'. */
  readonly runtime: string;
  readonly cpus: string | undefined;
  /** In which a GPU holds the weights, and multiplies with them. */
  readonly form: string;
  readonly blockSize: number;
  readonly activationDtype: ActivationDtype;
  readonly schedule: MeasureSchedule;
}

/** Names times by everything that they depend on, hexadecimal. */
export function timesKey({ manifest, ...facts }: TimesFacts): string {
  const model = { config: manifest.config, blobs: manifest.blobs.map(({ sha256 }) => sha256) };
  const machine = { host: hostname(), cpu: cpus()[0]?.model, cores: cpus().length };
  const text = JSON.stringify({ formatVersion, version, model, machine, ...facts });
  return createHash("sha256").update(text).digest("hex");
}

/** Times of earlier starts, below the home's state. */
export class KeptTimes {
  readonly #home: Home;
  readonly #log: Logger;

  constructor(home: Home, log: Logger) {
    this.#home = home;
    this.#log = log;
  }

  /** Undefined where there are none that can be read. */
  async read(key: string): Promise<ModelTimes | undefined> {
    try {
      return timesSchema.parse(JSON.parse(await readFile(this.#path(key), "utf8")));
    } catch (error) {
      if (!isErrno(error, "ENOENT")) {
        this.#log.warn({ err: error, path: this.#path(key) }, "kept times cannot be read; measuring anew");
      }
      return undefined;
    }
  }

  /** Not being able to keep them costs a measurement at the next start, nothing else. */
  async keep(key: string, times: ModelTimes): Promise<void> {
    try {
      await writeFileAtomic(this.#path(key), `${JSON.stringify(times)}\n`, realDisk);
    } catch (error) {
      this.#log.warn({ err: StagecoachError.from(error), path: this.#path(key) }, "times cannot be kept");
    }
  }

  #path(key: string): string {
    return join(this.#home.state, "measured", `${key}.json`);
  }
}

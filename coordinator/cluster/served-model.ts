import type { ActivationDtype } from "../../common/tensor.js";
import type { Manifest, Variant } from "../../model/store/manifest.js";
import { activationDtypeOf, type WantedActivationDtype } from "../pipeline/activation-dtype.js";
import { variantFor } from "./variant-for.js";

/** What a served model is made from. */
export interface ServedModelOptions {
  /** Whole, or without blobs where the variant is to be chosen. */
  readonly manifest: Manifest;
  /** Gets a variant ready, packing it where it is not; absent where the variant is given. */
  readonly ensure?: EnsureVariant;
  readonly activationDtype: WantedActivationDtype;
  readonly log: { info(facts: object, line: string): void };
}

/** @param onProgress hears what is done, a sentence at a time */
export type EnsureVariant = (
  variant: Variant | "auto",
  onProgress: (line: string) => void,
  signal: AbortSignal,
) => Promise<Manifest>;

/**
 * The model that a cluster serves. Of a model without a given variant the tokenizer and the sizes are known from the
 * start, its weights when it is known who will compute with them.
 */
export class ServedModel {
  readonly #options: ServedModelOptions;
  #manifest: Manifest;
  /** What was chosen last; undefined before. */
  #chosen: Variant | "auto" | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: ServedModelOptions) {
    this.#options = options;
    this.#manifest = options.manifest;
  }

  /** As last settled; without blobs before that. */
  get manifest(): Manifest {
    return this.#manifest;
  }

  /** For people: `auto` before it is settled. */
  get variant(): string {
    return this.#isOpen ? "auto" : this.#manifest.variant;
  }

  /** How hidden states travel. */
  get activationDtype(): ActivationDtype {
    return activationDtypeOf(this.#options.activationDtype, this.#manifest.variant);
  }

  /**
   * Chooses the variant for the devices of a plan to come, and gets it ready; nothing where it is given, or chosen so
   * already.
   * @throws StagecoachError what getting the model ready fails with
   */
  async settle(
    devices: readonly string[],
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const mine = this.#turn.then(() => this.#settle(devices, onProgress, signal));
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  get #isOpen(): boolean {
    return this.#options.ensure !== undefined && this.#chosen === undefined;
  }

  async #settle(
    devices: readonly string[],
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { ensure, log } = this.#options;
    const variant = variantFor(devices);
    if (ensure === undefined || variant === this.#chosen) return;
    this.#manifest = await ensure(variant, onProgress, signal);
    this.#chosen = variant;
    const { model, variant: taken } = this.#manifest;
    const why = variant === "f16" ? "GPUs multiply floats fastest" : "no GPU is among the workers";
    log.info({ devices }, `serves ${model} as ${taken}: ${why}`);
  }
}

import type { LoadedStage, StagePlace } from "./loaded-stage.js";

/** A worker's place for a stage, as far as it is needed. */
interface Slot {
  /** The stage that is ready now. */
  readonly stage: LoadedStage | undefined;
}

/** The workers of this process, by the addresses that the cluster knows them by. */
export class ProcessStages {
  readonly #slots = new Map<string, Slot>();

  add(address: string, slot: Slot): void {
    this.#slots.set(address, slot);
  }

  remove(address: string): void {
    this.#slots.delete(address);
  }

  has(address: string): boolean {
    return this.#slots.has(address);
  }

  /**
   * The stage after `place` where it is here. Addresses alone do not tell: two machines may both call themselves
   * 127.0.0.1, so it has to be ready for the same epoch, in the place that follows.
   */
  after({ epoch, stageIndex, nextAddress }: StagePlace): LoadedStage | undefined {
    const stage = this.#slots.get(nextAddress)?.stage;
    const follows = stage?.place.epoch === epoch && stage.place.stageIndex === stageIndex + 1;
    return follows ? stage : undefined;
  }

  /** Likewise the last stage of the pipeline that `place` is in, by its address. */
  last({ epoch, stageCount }: StagePlace, address: string): LoadedStage | undefined {
    const stage = this.#slots.get(address)?.stage;
    const isLast = stage?.place.epoch === epoch && stage.place.stageIndex === stageCount - 1;
    return isLast ? stage : undefined;
  }
}

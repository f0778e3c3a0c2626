/**
 * Which worker belongs to which replica. Workers keep their replica while others come and go, also over a
 * restart of theirs; only one that its own replica can spare goes where one is missing.
 */
export class ReplicaAssignment {
  readonly #replicaCount: number;
  /** Workers that a replica cannot serve without. */
  readonly #needed: number;
  /** Also of workers that are away. */
  readonly #replicaOf = new Map<string, number>();

  constructor(replicaCount: number, needed: number) {
    this.#replicaCount = replicaCount;
    this.#needed = needed;
  }

  /** Takes the planner's groups, one a replica. */
  adopt(groups: readonly (readonly string[])[]): void {
    this.#replicaOf.clear();
    for (const [replica, group] of groups.entries())
      for (const workerId of group) this.#replicaOf.set(workerId, replica);
  }

  replicaOf(workerId: string): number | undefined {
    return this.#replicaOf.get(workerId);
  }

  /**
   * Finds a newcomer its replica: the one it had if that lacks workers, else the one that lacks most, else the
   * one it had, else the smallest.
   * @param present ids of everybody who is here, the newcomer included or not
   */
  place(workerId: string, present: readonly string[]): number {
    const counts = this.#counts(present.filter((each) => each !== workerId));
    const had = this.#replicaOf.get(workerId);
    const smallest = counts.indexOf(Math.min(...counts));
    const lacking = (replica: number | undefined): boolean =>
      replica !== undefined && (counts[replica] ?? 0) < this.#needed;
    const replica = lacking(had) ? had : lacking(smallest) ? smallest : had;
    this.#replicaOf.set(workerId, replica ?? smallest);
    return replica ?? smallest;
  }

  /**
   * Moves workers that hold nothing to replicas that lack some, as far as their own have more than they need.
   * @returns replicas that gained workers
   */
  lendIdle(present: readonly string[], isIdle: (workerId: string) => boolean): readonly number[] {
    const gained = new Set<number>();
    for (const workerId of present.filter(isIdle)) {
      const counts = this.#counts(present);
      const own = this.#replicaOf.get(workerId);
      const poorest = counts.indexOf(Math.min(...counts));
      const spare = own !== undefined && own !== poorest && (counts[own] ?? 0) > this.#needed;
      if (!spare || (counts[poorest] ?? 0) >= this.#needed) continue;
      this.#replicaOf.set(workerId, poorest);
      gained.add(poorest);
    }
    return [...gained];
  }

  #counts(present: readonly string[]): number[] {
    const counts = new Array<number>(this.#replicaCount).fill(0);
    for (const workerId of present) {
      const replica = this.#replicaOf.get(workerId);
      if (replica !== undefined) counts[replica] = (counts[replica] ?? 0) + 1;
    }
    return counts;
  }
}

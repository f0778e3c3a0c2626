import { FairShare } from "./fair-share.js";
import { LinkedList } from "./linked-list.js";
import type { Sequence } from "./sequence.js";

/** Those of one priority. */
interface Level {
  readonly priority: number;
  /** Thrown out and to be resumed, by rank; they go before all others. */
  readonly resumed: LinkedList<Sequence>;
  /** By user, each by arrival. */
  readonly byUser: Map<string, LinkedList<Sequence>>;
}

/**
 * Who waits, and who is next: the lowest priority number first; then those that ran before and were thrown out;
 * then the user that has been served least, and of one user's requests the oldest.
 */
export class WaitingQueue {
  /** By priority. */
  readonly #levels: Level[] = [];
  readonly #share = new FairShare();
  readonly #waitingOf = new Map<string, number>();
  #size = 0;
  #tokens = 0;

  get size(): number {
    return this.#size;
  }

  /** Known tokens of all that wait. */
  get tokens(): number {
    return this.#tokens;
  }

  /** Requests of a user that wait. */
  waitingOf(user: string): number {
    return this.#waitingOf.get(user) ?? 0;
  }

  /** Adds one that never ran, behind its user's others unless these are younger. */
  push(sequence: Sequence): void {
    const { user } = sequence;
    const { byUser } = this.#level(sequence.priority);
    let list = byUser.get(user);
    if (list === undefined) {
      list = new LinkedList<Sequence>();
      byUser.set(user, list);
    }
    if (this.waitingOf(user) === 0) this.#share.enter(user);
    let older = list.tail;
    while (older !== undefined && older.item.arrival > sequence.arrival) older = older.previous;
    list.insertBefore(sequence.place, older === undefined ? list.head : older.next);
    this.#count(sequence, 1);
  }

  /** Adds one that ran and is to be recomputed. */
  resume(sequence: Sequence): void {
    const { resumed } = this.#level(sequence.priority);
    let younger = resumed.head;
    while (younger !== undefined && younger.item.rank < sequence.rank) younger = younger.next;
    resumed.insertBefore(sequence.place, younger);
    this.#count(sequence, 1);
  }

  /** The one that goes next; it stays. */
  peek(): Sequence | undefined {
    const [level] = this.#levels;
    if (level === undefined) return undefined;
    return level.resumed.head?.item ?? this.#leastServed(level);
  }

  /** Takes out one that is let in, for so many tokens that are to be computed. */
  admit(sequence: Sequence, computedTokens: number): void {
    // What is computed again was paid for.
    if (sequence.rank < 0) this.#share.admit(sequence.user, computedTokens);
    this.remove(sequence);
  }

  /** A token was generated for a user. */
  charge(user: string): void {
    this.#share.generate(user);
  }

  remove(sequence: Sequence): void {
    const { place, user, priority } = sequence;
    const list = place.list;
    place.unlink();
    this.#count(sequence, -1);
    if (list === undefined || list.size > 0) return;
    const at = this.#levels.findIndex((level) => level.priority === priority);
    const level = this.#levels[at];
    if (level === undefined) return;
    if (level.byUser.get(user) === list) level.byUser.delete(user);
    if (level.resumed.size === 0 && level.byUser.size === 0) this.#levels.splice(at, 1);
  }

  #leastServed({ byUser }: Level): Sequence | undefined {
    let best: Sequence | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const [user, list] of byUser) {
      const head = list.head?.item;
      const served = byUser.size === 1 ? 0 : this.#share.served(user);
      if (head === undefined || served > least) continue;
      if (served === least && best !== undefined && best.arrival < head.arrival) continue;
      best = head;
      least = served;
    }
    return best;
  }

  #level(priority: number): Level {
    const at = this.#levels.findIndex((level) => level.priority >= priority);
    const found = at < 0 ? undefined : this.#levels[at];
    if (found?.priority === priority) return found;
    const level = { priority, resumed: new LinkedList<Sequence>(), byUser: new Map() };
    this.#levels.splice(at < 0 ? this.#levels.length : at, 0, level);
    return level;
  }

  #count({ user, length }: Sequence, change: 1 | -1): void {
    this.#size += change;
    this.#tokens += change * length;
    const waiting = this.waitingOf(user) + change;
    if (waiting === 0) this.#waitingOf.delete(user);
    else this.#waitingOf.set(user, waiting);
  }
}

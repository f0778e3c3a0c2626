/** What a generated token counts, where a computed prompt token counts 1; VTC's weights. */
const outputWeight = 2;

/** Users that are remembered before those without debts are forgotten. */
const rememberedUsers = 8_192;

/**
 * How much service each user has had, in weighted tokens: the virtual token counter of "Fairness in Serving Large
 * Language Models" (Sheng et al., 2024). Whoever comes back after a pause starts from the virtual time, which is
 * the counter of the user served last (start-time fair queueing), so that nobody saves up service.
 */
export class FairShare {
  readonly #served = new Map<string, number>();
  #virtualTime = 0;

  served(user: string): number {
    return Math.max(this.#served.get(user) ?? 0, this.#virtualTime);
  }

  /** A user that had nothing waiting has now. */
  enter(user: string): void {
    this.#served.set(user, this.served(user));
    if (this.#served.size > rememberedUsers) this.#forgetIdle();
  }

  /** A request is let in, for so many prompt tokens that are to be computed. */
  admit(user: string, promptTokens: number): void {
    const served = this.#served.get(user) ?? this.#virtualTime;
    this.#virtualTime = Math.max(this.#virtualTime, served);
    this.#served.set(user, served + promptTokens);
  }

  /** A token was generated. */
  generate(user: string): void {
    const served = this.#served.get(user);
    if (served !== undefined) this.#served.set(user, served + outputWeight);
  }

  /** Those that would start from the virtual time anyway. */
  #forgetIdle(): void {
    for (const [user, served] of this.#served) if (served <= this.#virtualTime) this.#served.delete(user);
  }
}

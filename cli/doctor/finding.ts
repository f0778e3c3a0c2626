/** `poor` works with less; `bad` does not work. */
export type Grade = "good" | "poor" | "bad";

/** What one check found. */
export interface Finding {
  readonly name: string;
  readonly grade: Grade;
  readonly fact: string;
  /** What to do about it; absent when good. */
  readonly remedy?: string;
}

/** What an engine can be doing; it does one at a time. */
export const activities = ["busy", "waitIn", "waitOut", "send"] as const;
export type Activity = (typeof activities)[number];

/** Microseconds of each activity; they sum to the time since the account was opened. */
export type ActivityTimes = Readonly<Record<Activity, number>>;

/**
 * Keeps account of where an engine's time goes. Every moment belongs to exactly one activity, and with a clock
 * of whole microseconds the sums are exact:
 * - busy: computing a frame;
 * - waitIn: there is no frame to compute;
 * - waitOut: there is a frame, and earlier results have not left yet;
 * - send: handing a result over.
 */
export class Accounting {
  readonly #clockUs: () => number;
  readonly #times: Record<Activity, number> = { busy: 0, waitIn: 0, waitOut: 0, send: 0 };
  #activity: Activity;
  #sinceUs: number;

  constructor(clockUs: () => number, activity: Activity = "waitIn") {
    this.#clockUs = clockUs;
    this.#activity = activity;
    this.#sinceUs = clockUs();
  }

  get activity(): Activity {
    return this.#activity;
  }

  /** When the present activity began. */
  get sinceUs(): number {
    return this.#sinceUs;
  }

  /** Ends the present activity and begins another; returns the moment. */
  enter(activity: Activity): number {
    const nowUs = this.#clockUs();
    this.#times[this.#activity] += nowUs - this.#sinceUs;
    this.#activity = activity;
    this.#sinceUs = nowUs;
    return nowUs;
  }

  /** Activities that are over; the present one counts from `sinceUs` on. */
  finished(): ActivityTimes {
    return this.#times;
  }
}

/** The whole account at a moment, the present activity included. */
export function timesAt(
  { times, activity, sinceUs }: { times: ActivityTimes; activity: Activity; sinceUs: number },
  nowUs: number,
): ActivityTimes {
  return { ...times, [activity]: times[activity] + Math.max(0, nowUs - sinceUs) };
}

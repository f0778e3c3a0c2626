import { StagecoachError } from "../../common/errors.js";

/** Finds the end of a text that comes in pieces. */
export interface StopMatcher {
  /**
   * Takes the next piece and gives the text that is certain to come before any stop string. Text that may be the
   * beginning of one is held back. After `stopped` everything is ignored.
   */
  push(text: string): { text: string; stopped: boolean };
  /** The text that was held back, when no more comes. */
  flush(): string;
}

/** A node of the automaton: a prefix of some stop strings. */
interface State {
  readonly next: Map<number, State>;
  /** UTF-16 units in the prefix. */
  readonly length: number;
  /** The longest proper suffix of the prefix that is a prefix too. */
  fallback: State | undefined;
  /** Length of the longest stop string that the prefix ends with; 0 for none. */
  stopLength: number;
}

/**
 * Matches several stop strings at once in linear time (Aho and Corasick, 1975). The stop string that is complete
 * first ends the text; of those complete at the same place, the longest. How the text is cut makes no difference.
 *
 * @throws StagecoachError INVALID_ARGUMENT for an empty stop string.
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  const root = buildAutomaton(stops);
  let state = root;
  let held = "";
  let stopped = false;

  return {
    push: (text) => {
      if (stopped) return { text: "", stopped };
      if (root.next.size === 0) return { text, stopped };
      const known = held + text;
      for (let index = held.length; index < known.length; index++) {
        state = step(root, state, known.charCodeAt(index));
        if (state.stopLength === 0) continue;
        stopped = true;
        held = "";
        return { text: known.slice(0, index + 1 - state.stopLength), stopped };
      }
      held = known.slice(known.length - state.length);
      return { text: known.slice(0, known.length - state.length), stopped };
    },
    flush: () => {
      const rest = held;
      held = "";
      state = root;
      return rest;
    },
  };
}

function step(root: State, from: State | undefined, unit: number): State {
  let state: State | undefined = from;
  while (state !== undefined) {
    const next = state.next.get(unit);
    if (next !== undefined) return next;
    state = state.fallback;
  }
  return root;
}

function buildAutomaton(stops: readonly string[]): State {
  const root = newState(0);
  for (const stop of stops) {
    if (stop === "") {
      throw new StagecoachError("INVALID_ARGUMENT", 'stop contains "": leave empty stop strings out');
    }
    let state = root;
    for (let index = 0; index < stop.length; index++) state = child(state, stop.charCodeAt(index));
    state.stopLength = stop.length;
  }
  const queue = [...root.next.values()];
  for (const state of queue) state.fallback = root;
  for (const state of queue) {
    for (const [unit, next] of state.next) {
      next.fallback = step(root, state.fallback, unit);
      next.stopLength = Math.max(next.stopLength, next.fallback.stopLength);
      queue.push(next);
    }
  }
  return root;
}

function child(parent: State, unit: number): State {
  const known = parent.next.get(unit);
  if (known !== undefined) return known;
  const state = newState(parent.length + 1);
  parent.next.set(unit, state);
  return state;
}

function newState(length: number): State {
  return { next: new Map(), length, fallback: undefined, stopLength: 0 };
}

import { expect, test } from "vitest";
import { seededRandom } from "../../test/fixtures/random.js";
import { createStopMatcher } from "./stop-matcher.js";

/** The definition: the stop string that is complete first; of those, the longest. */
function reference(stops: readonly string[], text: string): { text: string; stopped: boolean } {
  for (let end = 0; end <= text.length; end++) {
    const complete = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const longest = Math.max(...complete.map((stop) => stop.length));
    if (complete.length > 0) return { text: text.slice(0, end - longest), stopped: true };
  }
  return { text, stopped: false };
}

function run(stops: readonly string[], pieces: readonly string[]): { text: string; stopped: boolean } {
  const matcher = createStopMatcher(stops);
  let text = "";
  for (const piece of pieces) {
    const result = matcher.push(piece);
    text += result.text;
    if (result.stopped) return { text, stopped: true };
  }
  return { text: text + matcher.flush(), stopped: false };
}

function randomText(random: () => number, longest: number): string {
  return Array.from({ length: Math.floor(random() * longest) }, () => (random() < 0.6 ? "a" : "b")).join("");
}

test("finds what the definition finds, however the text is cut", () => {
  const random = seededRandom(2);
  for (let round = 0; round < 2000; round++) {
    const stops = Array.from({ length: 1 + Math.floor(random() * 3) }, () => `${randomText(random, 5)}b`);
    const pieces = Array.from({ length: Math.floor(random() * 6) }, () => randomText(random, 6));
    expect(run(stops, pieces), JSON.stringify({ stops, pieces })).toEqual(reference(stops, pieces.join("")));
  }
});

test("holds back no more than might become a stop string", () => {
  const matcher = createStopMatcher(["</end>", "User:"]);
  expect(matcher.push("Hello </e")).toEqual({ text: "Hello ", stopped: false });
  expect(matcher.push("m>")).toEqual({ text: "</em>", stopped: false });
  expect(matcher.push(" Us")).toEqual({ text: " ", stopped: false });
  expect(matcher.push("er: more")).toEqual({ text: "", stopped: true });
  expect(matcher.push("ignored")).toEqual({ text: "", stopped: true });
});

test("without stop strings everything passes at once", () => {
  const matcher = createStopMatcher([]);
  expect(matcher.push("text")).toEqual({ text: "text", stopped: false });
  expect(matcher.flush()).toBe("");
});

test("refuses an empty stop string", () => {
  expect(() => createStopMatcher(["x", ""])).toThrow(/stop contains ""/);
});

import type { Colour, Paint } from "./paint.js";
import { historyMs, type StageMoment } from "./stage-history.js";

const heights = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/** What a stage does, how the strip shows it, and its name in the legend. */
const kinds = {
  busy: { colour: "green", mark: "█", label: "busy" },
  waitIn: { colour: "blue", mark: "·", label: "waiting for frames" },
  waitOut: { colour: "yellow", mark: "o", label: "waiting for the next stage" },
  send: { colour: "magenta", mark: "s", label: "sending" },
} as const satisfies Record<string, { colour: Colour; mark: string; label: string }>;

type Kind = keyof typeof kinds;

/**
 * The last minute of a stage, a character an equal part of it, the newest at the right. Height is how busy it was,
 * colour what it did most; a part in which it computed next to nothing shows what it did instead.
 */
export function stageStrip(
  moments: readonly StageMoment[],
  nowMs: number,
  columns: number,
  paint: Paint,
): string {
  const partMs = historyMs / columns;
  return Array.from({ length: columns }, (_, column) => {
    const endMs = nowMs - (columns - 1 - column) * partMs;
    return cell(
      moments.filter(({ atMs }) => atMs > endMs - partMs && atMs <= endMs),
      paint,
    );
  }).join("");
}

/** What the strip's marks and colours mean. */
export function stripLegend(paint: Paint): string {
  return Object.values(kinds)
    .map(({ colour, mark, label }) => `${paint(colour, mark)} ${label}`)
    .join("   ");
}

function cell(moments: readonly StageMoment[], paint: Paint): string {
  if (moments.length === 0) return " ";
  const share = (kind: Kind): number =>
    moments.reduce((sum, moment) => sum + moment[kind], 0) / moments.length;
  const most = (Object.keys(kinds) as Kind[]).reduce((best, kind) =>
    share(kind) > share(best) ? kind : best,
  );
  const level = Math.round(share("busy") * heights.length);
  return paint(kinds[most].colour, level === 0 ? kinds[most].mark : (heights[level - 1] as string));
}

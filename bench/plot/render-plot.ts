import { scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { plotStyle } from "./plot-style.js";

/** One line of a panel; values stand over the plot's `xValues`, NaN where there is none. */
export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

/** One set of axes; its y axis starts at 0. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  /** At most four, the same names in every panel. */
  readonly series: readonly Series[];
}

/** Panels side by side over the same x axis, which is logarithmic to base 2. */
export interface Plot {
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  /** Ascending, above 0. */
  readonly xValues: readonly number[];
  readonly panels: readonly Panel[];
}

const panelWidth = 300;
const plotHeight = 210;
const margin = { top: 116, right: 22, bottom: 56, left: 58 };
const panelPitch = margin.left + panelWidth + margin.right;

/** The plot as a standalone SVG document, which follows the reader's light or dark scheme. */
export function renderPlot(plot: Plot): string {
  const width = panelPitch * plot.panels.length;
  const height = margin.top + plotHeight + margin.bottom;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(plot.title)}</title>`,
    `<desc id="description">${escaped(describe(plot))}</desc>`,
    `<style>${plotStyle}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="title" x="${margin.left}" y="28">${escaped(plot.title)}</text>`,
    `<text class="note" x="${margin.left}" y="47">${escaped(plot.subtitle)}</text>`,
    legend(plot),
    ...plot.panels.map((panel, index) => renderPanel(plot, panel, index * panelPitch + margin.left)),
    "</svg>",
    "",
  ].join("\n");
}

/** What the picture shows, for those who cannot see it. */
function describe({ panels, xLabel, xValues }: Plot): string {
  return panels
    .map(({ title, unit, series }) => {
      const lines = series.map(({ name, values }) => `${name} ${values.map(short).join(", ")}`);
      return `${title} in ${unit} at ${xValues.join(", ")} ${xLabel}: ${lines.join("; ")}.`;
    })
    .join(" ");
}

function legend({ panels }: Plot): string {
  let x = margin.left;
  const entries = (panels[0]?.series ?? []).map(({ name }, index) => {
    const entry =
      `<g class="series s${index}" transform="translate(${x} 66)"><path class="line" d="M0 0H22"/>${mark(index, 11, 0)}` +
      `<text class="label" x="28" y="4">${escaped(name)}</text></g>`;
    x += 52 + 6.6 * name.length;
    return entry;
  });
  return entries.join("\n");
}

function renderPanel({ xLabel, xValues }: Plot, panel: Panel, left: number): string {
  const largest = Math.max(1e-9, ...panel.series.flatMap(({ values }) => values.filter(Number.isFinite)));
  const xDomain = [Math.min(...xValues), Math.max(...xValues)] as const;
  // A single concurrency stands in the middle.
  const spread = xDomain[0] === xDomain[1] ? 2 : 1;
  const x = scaleLog([xDomain[0] / spread, xDomain[1] * spread], [8, panelWidth - 8]).base(2);
  const y = scaleLinear([0, largest], [plotHeight, 0]).nice(5);
  const grid = y.ticks(5).map((tick) => {
    const at = y(tick).toFixed(1);
    return `<path class="grid" d="M0 ${at}H${panelWidth}"/><text class="tick end" x="-8" y="${at}" dy="0.32em">${short(tick)}</text>`;
  });
  const ticks = xValues.map(
    (value) =>
      `<path class="grid" d="M${x(value).toFixed(1)} ${plotHeight}v5"/><text class="tick middle" x="${x(value).toFixed(1)}" y="${plotHeight + 19}">${value}</text>`,
  );
  const path = line<readonly [number, number]>(
    ([at]) => x(at),
    ([, value]) => y(value),
  )
    .defined(([, value]) => Number.isFinite(value))
    .digits(1);
  const lines = panel.series.map(({ name, values }, index) => {
    const points = values.map((value, at) => [xValues[at] as number, value] as const);
    const marks = points
      .filter(([, value]) => Number.isFinite(value))
      .map(
        ([at, value]) =>
          `<g><title>${escaped(name)}, ${at} ${escaped(xLabel)}: ${short(value)} ${escaped(panel.unit)}</title>${mark(index, x(at), y(value))}</g>`,
      );
    return `<g class="series s${index}"><path class="line" d="${path(points) ?? ""}"/>${marks.join("")}</g>`;
  });
  return [
    `<g transform="translate(${left} ${margin.top})">`,
    `<text class="panel" x="0" y="-14">${escaped(panel.title)}, ${escaped(panel.unit)}</text>`,
    ...grid,
    ...ticks,
    `<text class="label middle" x="${panelWidth / 2}" y="${plotHeight + 42}">${escaped(xLabel)}</text>`,
    // The first series is what the picture is about, so it lies on top.
    ...lines.reverse(),
    "</g>",
  ].join("\n");
}

/** Another shape a series, so that colour is not all that tells them apart. */
function mark(series: number, x: number, y: number): string {
  const [cx, cy] = [x.toFixed(1), y.toFixed(1)];
  if (series % 4 === 0) return `<circle class="mark" cx="${cx}" cy="${cy}" r="3.6"/>`;
  if (series % 4 === 1)
    return `<rect class="mark" x="${(x - 3.2).toFixed(1)}" y="${(y - 3.2).toFixed(1)}" width="6.4" height="6.4"/>`;
  if (series % 4 === 2) return `<path class="mark" d="M${cx} ${(y - 4.4).toFixed(1)}l4.2 7.4h-8.4z"/>`;
  return `<path class="mark" d="M${cx} ${(y - 4.6).toFixed(1)}l4.6 4.6l-4.6 4.6l-4.6 -4.6z"/>`;
}

function short(value: number): string {
  if (!Number.isFinite(value)) return "none";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

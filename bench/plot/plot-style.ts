interface Scheme {
  readonly ground: string;
  readonly ink: string;
  readonly faint: string;
  readonly grid: string;
  readonly series: readonly string[];
}

/** Okabe and Ito's colours, which colour-blind readers can tell apart, darker or lighter by the ground. */
const light: Scheme = {
  ground: "#ffffff",
  ink: "#1f2328",
  faint: "#59636e",
  grid: "#d8dee4",
  series: ["#0072b2", "#d55e00", "#00805e", "#8a4f7d"],
};
const dark: Scheme = {
  ground: "#0d1117",
  ink: "#e6edf3",
  faint: "#9da7b1",
  grid: "#30363d",
  series: ["#56b4e9", "#f0a35e", "#3fc79a", "#d59ac5"],
};

/** The plot's style sheet. Without custom properties, which renderers outside of browsers lack. */
export const plotStyle = `
text { font-family: system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; font-size: 12px; }
.title { font-size: 16px; font-weight: 600; }
.panel { font-size: 13px; font-weight: 600; }
.tick { font-size: 11px; font-variant-numeric: tabular-nums; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.grid { stroke-width: 1; fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.mark { stroke-width: 1; }
.s0 .line { stroke-width: 2.6; }
.s2 .line { stroke-dasharray: 6 3; }
${colours(light)}
@media (prefers-color-scheme: dark) {
${colours(dark)}
}
`.trim();

function colours({ ground, ink, faint, grid, series }: Scheme): string {
  return [
    `.ground { fill: ${ground}; }`,
    `text { fill: ${ink}; }`,
    `.note, .tick { fill: ${faint}; }`,
    `.grid { stroke: ${grid}; }`,
    `.mark { stroke: ${ground}; }`,
    ...series.map(
      (colour, index) => `.s${index} .line { stroke: ${colour}; } .s${index} .mark { fill: ${colour}; }`,
    ),
  ].join("\n");
}

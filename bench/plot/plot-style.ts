/**
 * The plot's style sheet. Colours are Okabe and Ito's, which colour-blind readers can tell apart, lighter on a dark
 * ground.
 */
export const plotStyle = `
svg { font-family: system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; --ground: #ffffff; --ink: #1f2328; --faint: #59636e; --grid: #d8dee4; --c0: #0072b2; --c1: #d55e00; --c2: #00805e; --c3: #8a4f7d; }
@media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --ink: #e6edf3; --faint: #9da7b1; --grid: #30363d; --c0: #56b4e9; --c1: #f0a35e; --c2: #3fc79a; --c3: #d59ac5; } }
.ground { fill: var(--ground); }
text { fill: var(--ink); font-size: 12px; }
.title { font-size: 16px; font-weight: 600; }
.panel { font-size: 13px; font-weight: 600; }
.note, .tick { fill: var(--faint); }
.tick { font-size: 11px; font-variant-numeric: tabular-nums; }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.grid { stroke: var(--grid); stroke-width: 1; fill: none; }
.line { fill: none; stroke: var(--color); stroke-width: 2; stroke-linejoin: round; }
.mark { fill: var(--color); stroke: var(--ground); stroke-width: 1; }
.s0 { --color: var(--c0); }
.s1 { --color: var(--c1); }
.s2 { --color: var(--c2); }
.s3 { --color: var(--c3); }
.s0 .line { stroke-width: 2.6; }
.s2 .line { stroke-dasharray: 6 3; }
`.trim();

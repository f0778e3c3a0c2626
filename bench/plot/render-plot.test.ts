import { expect, test } from "vitest";
import { type Plot, renderPlot } from "./render-plot.js";

const plot: Plot = {
  title: "Rates",
  subtitle: "a <small> model",
  xLabel: "requests at once",
  xValues: [1, 2, 4],
  panels: [
    {
      title: "Output",
      unit: "tok/s",
      series: [
        { name: "ours", values: [10, 20, 40] },
        { name: "theirs", values: [10, Number.NaN, 15] },
      ],
    },
  ],
};

test("each value is a point at its place, and what is missing is left out", () => {
  const svg = renderPlot(plot);
  const tips = [...svg.matchAll(/<title>(.*?)<\/title>/g)].map(([, text]) => text);
  expect(tips.toSorted()).toEqual([
    "ours, 1 requests at once: 10 tok/s",
    "ours, 2 requests at once: 20 tok/s",
    "ours, 4 requests at once: 40 tok/s",
    "theirs, 1 requests at once: 10 tok/s",
    "theirs, 4 requests at once: 15 tok/s",
  ]);
  // The largest value stands at the top of the axes, doubled concurrencies at even distances.
  expect(svg).toContain('d="M8,157.5L150,105L292,0"');
});

test("text cannot break the document, and axes are labelled", () => {
  const svg = renderPlot(plot);
  expect(svg).toContain("a &#60;small&#62; model");
  expect(svg).toMatch(/>Output, tok\/s<[\s\S]*>requests at once</);
  expect(svg).toContain("prefers-color-scheme: dark");
});

test("a single concurrency stands in the middle", () => {
  const svg = renderPlot({
    ...plot,
    xValues: [16],
    panels: [{ title: "Output", unit: "tok/s", series: [{ name: "ours", values: [5] }] }],
  });
  expect(svg).toContain('cx="150.0"');
});

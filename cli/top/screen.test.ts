import { expect, test } from "vitest";
import { openScreen } from "./screen.js";

test("frames are drawn over each other on the alternate screen, which is left once", () => {
  const written: string[] = [];
  const screen = openScreen({ write: (text) => written.push(text) });
  screen.draw(["a", "b"]);
  screen.restore();
  screen.restore();
  screen.draw(["late"]);
  expect(written).toEqual([
    "\u001b[?1049h\u001b[?25l",
    "\u001b[Ha\u001b[K\r\nb\u001b[K\u001b[J",
    "\u001b[?25h\u001b[?1049l",
  ]);
});

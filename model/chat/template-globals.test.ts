import { expect, test } from "vitest";
import { formatTime } from "./template-globals.js";

test("writes dates as Python does", () => {
  const date = new Date(2025, 0, 5, 15, 4, 9);
  expect(formatTime("%d %b %Y, %A %B %y %m", date)).toBe("05 Jan 2025, Sunday January 25 01");
  expect(formatTime("%H:%M:%S %I %p %a %% %Q", date)).toBe("15:04:09 03 PM Sun % %Q");
});

/** A share of 1, as whole percent: "75 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Seconds as hours, minutes and seconds: "01:02:05". */
export function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

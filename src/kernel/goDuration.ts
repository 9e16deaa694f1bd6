// Go duration strings, the way Kubernetes writes times ("90s", "1m30s", "500ms", "0"). Owns the grammar and the unit
// table. Knows nothing of what a duration is for. Contract: a text in, milliseconds or null out; never throws.

const MILLIS_PER_UNIT: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["µs", 1e-3], // U+00B5
  ["μs", 1e-3], // U+03BC
  ["ms", 1],
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
]);

/** Go keeps a duration in 64-bit nanoseconds: about 292 years. */
const MAX_MILLIS = 2 ** 63 / 1e6;

/**
 * @returns milliseconds (may be negative or carry a fraction), or null when the text is no Go duration: a unit is needed
 * after every number, only a plain `0` may go without.
 */
export function parseGoDuration(text: string): number | null {
  const sign = text.startsWith("-") ? -1 : 1;
  const body = /^[-+]/.test(text) ? text.slice(1) : text;
  if (body === "0") return 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;
  let total = 0;
  while (part.lastIndex < body.length) {
    const match = part.exec(body);
    if (match === null) return null;
    total += Number(match[1]) * (MILLIS_PER_UNIT.get(match[2] ?? "") ?? 0);
  }
  if (body === "" || total > MAX_MILLIS) return null;
  return total === 0 ? 0 : sign * total;
}

// What the parts of the BFD bench have in common: how intervals are called, and the exact time of day. Owns no measurement.

/** Every session of the bench has it. */
export const MULTIPLIER = 3;

/** Intervals of the bench, milliseconds: MetalLB's default, what is common beside hardware, the least that is allowed. */
export const INTERVALS = [300, 50, 10] as const;

export const nameOf = (ms: number): string => `${ms} ms x ${MULTIPLIER}`;

/**
 * The time of day as the kernel puts it on packets, milliseconds: `Date.now()` at the moment at which it moved on, so exact to
 * some microseconds. Takes up to a millisecond of processor time.
 */
export function exactTimeOfDay(): number {
  const before = Date.now();
  for (;;) {
    const now = Date.now();
    if (now !== before) return now;
  }
}

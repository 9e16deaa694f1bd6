// What our own lateness means. Owns two judgements: whether an expired detection time may be our own doing (C-231), and when
// a session that sends late again and again should ask for more time. Knows no session and no packet. Contract: pure
// arithmetic on microseconds; the record of a session is plain data that the judgement updates in place, without allocating.
import type { Micros } from "./protocol.ts";

/** So many late transmissions within WINDOW raise the interval; one alone is noise. */
export const LATE_LIMIT = 3;
export const WINDOW: Micros = 10_000_000;
/** Without a late one for so long, the raised interval is halved again, step by step down to the configured one. */
export const CALM: Micros = 60_000_000;
/** Raised this far at most; a configured interval beyond it is left alone. */
export const STRETCH_LIMIT: Micros = 1_000_000;

/**
 * Was the shell away so long that it, not the peer, is the reason for a passed detection time?
 * @param gap since the shell last looked at its sockets
 * @param overdue how much later than the nearest deadline it woke: what of the gap was not meant
 */
export const wasAway = (gap: Micros, overdue: Micros, detectionTime: Micros): boolean =>
  gap > detectionTime && 2 * overdue > detectionTime;

/** Lateness of one session. */
export interface Punctuality {
  late: number;
  windowStart: Micros;
  lastLateAt: Micros;
}

export const newPunctuality = (): Punctuality => ({
  late: 0,
  windowStart: Number.NEGATIVE_INFINITY,
  lastLateAt: Number.NEGATIVE_INFINITY,
});

/**
 * Late is what uses up half of the time that the peer gives us beyond the interval itself: `detectMult` intervals in all, one
 * tenth of an interval when it is 1 (RFC 5880 6.8.7 keeps gaps below 90 % then).
 */
export const latenessLimit = (interval: Micros, detectMult: number): Micros =>
  (detectMult === 1 ? 0.1 * interval : (detectMult - 1) * interval) / 2;

/**
 * Called for every periodic transmission of an Up session.
 * @param interval the transmit interval in force
 * @returns the Desired Min TX to ask for, or `desired` itself when nothing should change
 */
export function judgeLateness(
  record: Punctuality,
  lateness: Micros,
  interval: Micros,
  detectMult: number,
  desired: Micros,
  configured: Micros,
  now: Micros,
): Micros {
  if (lateness <= latenessLimit(interval, detectMult)) {
    if (desired <= configured || now - record.lastLateAt < CALM) return desired;
    record.lastLateAt = now;
    return Math.max(configured, Math.floor(desired / 2));
  }
  if (now - record.windowStart > WINDOW) {
    record.windowStart = now;
    record.late = 0;
  }
  record.lastLateAt = now;
  record.late++;
  if (record.late < LATE_LIMIT) return desired;
  record.late = 0;
  return Math.max(desired, configured, Math.min(2 * interval, STRETCH_LIMIT));
}

// The state machine of RFC 5880 6.2 and 6.8.6 as data: 16 pairs of our state and the received one. Owns nothing else; timers,
// diagnostics of other causes and what is sent are the session's.
import { type BfdState, DIAG } from "./protocol.ts";

export interface NextState {
  readonly state: BfdState;
  /** Our new diagnostic when the state changes; null: it stays. */
  readonly diag: number | null;
}

const to = (state: BfdState, diag: number | null = null): NextState => ({ state, diag });
const ADMIN_DOWN = to("AdminDown");
const DOWN = to("Down");
const SIGNALED_DOWN = to("Down", DIAG.neighborSignaledDown);
const INIT = to("Init");
const UP = to("Up", DIAG.none);

/** `STATE_TABLE[ours][received]`. */
export const STATE_TABLE: Readonly<Record<BfdState, Readonly<Record<BfdState, NextState>>>> = {
  AdminDown: { AdminDown: ADMIN_DOWN, Down: ADMIN_DOWN, Init: ADMIN_DOWN, Up: ADMIN_DOWN },
  Down: { AdminDown: DOWN, Down: INIT, Init: UP, Up: DOWN },
  Init: { AdminDown: SIGNALED_DOWN, Down: INIT, Init: UP, Up: UP },
  Up: { AdminDown: SIGNALED_DOWN, Down: SIGNALED_DOWN, Init: UP, Up: UP },
};

// What bounds sessions with peers: messages, memory per connection, pauses, strangers. Owns these rows of docs/limits.md. Knows nothing of
// which peers there are.
// Contract: each value is made from the constant that is in force, where it is in force (limit.ts).
import { DEFAULT_CONNECT_RETRY_TIME } from "../../announce/peers.ts";
import { CONNECTS_PER_SECOND, SHIELD_TIME, STRANGERS_PER_SECOND } from "../../bgp/admission.ts";
import { LISTEN_BACKLOG } from "../../bgp/listener.ts";
import { OPEN_HOLD_TIME, SEND_HOLD_FACTOR } from "../../bgp/session/fsm.ts";
import {
  AMNESIA,
  BFD_PAUSE,
  FIRST_IDLE_HOLD,
  FIRST_RETRY,
  MAX_IDLE_HOLD,
  REPLACE_AFTER,
  RESET_PAUSE,
} from "../../bgp/session/peer.ts";
import { FINISH_LIMIT_MS, READ_AT_ONCE, SLAB_SIZE } from "../../bgp/transport.ts";
import { ADVERTISE_EVERY, DEFAULT_LIFETIME, LOOK_EVERY } from "../../bgp/unnumbered.ts";
import { MAX_MESSAGE } from "../../bgp/wire/registry.ts";
import { MAX_FAULTS } from "../../bgp/wire/update.ts";
import { MAX_MD5_KEY } from "../../linux/sockopt.ts";
import { kib, type LimitTheme, seconds } from "./limit.ts";

export const PEER_LIMITS: LimitTheme = {
  title: "Sessions with peers",
  limits: [
    {
      what: "BGP message",
      value: `${MAX_MESSAGE} octets`,
      why: "RFC 4271",
      there: "NOTIFICATION 1/2, the session ends",
    },
    {
      what: "Unfinished message kept per connection",
      value: "one",
      why: "memory",
      there: "the hold timer ends a peer that does not finish it",
    },
    {
      what: "Output waiting per connection",
      value: `${kib(SLAB_SIZE)}, one write`,
      why: "back-pressure",
      there: "prefixes wait in the table, one entry each however often they change",
    },
    {
      what: "Octets read from one connection at a time",
      value: kib(READ_AT_ONCE),
      why: "a peer that sends without pause must not delay others",
      there: "the rest is read in the next turn",
    },
    {
      what: "Data not read by a peer",
      value: `${SEND_HOLD_FACTOR} x hold time unless set`,
      why: "a withdraw must arrive (RFC 9687)",
      there: "the session ends, logged as 8/0",
    },
    {
      what: "Unacknowledged data",
      value: "hold time",
      why: "a dead path (TCP user timeout)",
      there: "the kernel ends the connection",
    },
    { what: "Wait for the peer's OPEN", value: seconds(OPEN_HOLD_TIME), why: "RFC 4271", there: "NOTIFICATION 4/0" },
    {
      what: "Pause between connection attempts",
      value: `${seconds(FIRST_RETRY)} doubling to \`connectTime\` (${DEFAULT_CONNECT_RETRY_TIME} s unless set), x 0.75-1`,
      why: "no spinning",
      there: "the next attempt",
    },
    {
      what: "Pause after a protocol error",
      value: `${seconds(FIRST_IDLE_HOLD)} doubling to ${seconds(MAX_IDLE_HOLD)}, x 0.75-1; forgotten after ${seconds(AMNESIA)}`,
      why: "damping (RFC 4271 8.1.1)",
      there: "the next attempt; Cease and expired timers of the peer are exempt",
    },
    {
      what: "Pause after a change of configuration",
      value: seconds(RESET_PAUSE),
      why: "the router clears the old session first",
      there: "the next attempt",
    },
    {
      what: "Pause after BFD Down",
      value: seconds(BFD_PAUSE),
      why: "the peer's BFD may need longer to notice, and would end the next session",
      there: "the next attempt; at once when BFD is Up again",
    },
    {
      what: "Age of a session that a restarted peer may replace",
      value: seconds(REPLACE_AFTER),
      why: "a younger one has met a late collision",
      there: "the newcomer gets Cease/7 and comes again",
    },
    {
      what: "Route refreshes waiting",
      value: "one per family",
      why: "a peer may ask without end",
      there: "further requests are answered by the same one",
    },
    {
      what: "Farewell of a closed connection",
      value: seconds(FINISH_LIMIT_MS),
      why: "a peer that does not read",
      there: "the connection is cut",
    },
    { what: "Faults kept of one UPDATE", value: `${MAX_FAULTS}`, why: "log size", there: "the strongest are kept" },
    {
      what: "TCP MD5 key",
      value: `${MAX_MD5_KEY} octets`,
      why: "kernel",
      there: "the peer runs no session and says why",
    },
    {
      what: "Connections that wait to be taken",
      value: `${LISTEN_BACKLOG} per listening address`,
      why: "memory",
      there: "the kernel drops the SYN, its sender tries again",
    },
    {
      what: "Connections to us",
      value: `${STRANGERS_PER_SECOND} a second from strangers, ${CONNECTS_PER_SECOND} from one peer`,
      why: "floods",
      there: `the kernel drops theirs for ${seconds(SHIELD_TIME)}; sessions that stand are not touched`,
    },
    {
      what: "Router advertisements of ours",
      value: `every ${seconds(ADVERTISE_EVERY)}, at most one in ${seconds(LOOK_EVERY)}`,
      why: "solicitations may be many",
      there: "one answers them all",
    },
    {
      what: "Router that is not heard",
      value: `its own lifetime, ${seconds(DEFAULT_LIFETIME)} where it gives none`,
      why: "RFC 4861",
      there: "forgotten, unless the session stands",
    },
  ],
};

// What bounds BFD: sessions, intervals, sockets, and the life of its thread. Owns these rows of docs/limits.md. Knows nothing of BGP.
// Contract: each value is made from the constant that is in force, where it is in force (limit.ts).
import { FAREWELL_MS, RESTART_DELAYS } from "../../bfd/client.ts";
import { GREATEST_INTERVAL, LEAST_INTERVAL } from "../../bfd/config.ts";
import { DEFAULT_MAX_SESSIONS } from "../../bfd/engine.ts";
import { DATAGRAMS_PER_ROUND } from "../../bfd/loop.ts";
import { MOST_RECEIVERS } from "../../bfd/sockets.ts";
import { CALM, LATE_LIMIT, STRETCH_LIMIT, WINDOW } from "../../bfd/stallPolicy.ts";
import { DATAGRAM_ROOM } from "../../linux/datagram.ts";
import { type LimitTheme, micros, seconds } from "./limit.ts";

export const BFD_LIMITS: LimitTheme = {
  title: "BFD",
  limits: [
    {
      what: "BFD sessions",
      value: `${DEFAULT_MAX_SESSIONS}`,
      why: "memory",
      there: "further ones are refused, and their peers say so",
    },
    {
      what: "BFD intervals",
      value: `${LEAST_INTERVAL / 1000} ms to ${seconds(GREATEST_INTERVAL / 1000)}`,
      why: "MetalLB's range; a peer cannot ask for more",
      there: "a profile beyond it is refused where it is read",
    },
    {
      what: "BFD sockets that receive",
      value: `${MOST_RECEIVERS}: one per family, VRF and kind (single hop, multihop, echo)`,
      why: "they are polled together",
      there: "sessions that need another one do not run and say why",
    },
    {
      what: "BFD packets read at a time",
      value: `${DATAGRAMS_PER_ROUND} of one socket, ${DATAGRAM_ROOM} octets each`,
      why: "a flood must not keep packets from being sent",
      there: "the rest follows when what is due has been done; longer ones are cut and dropped",
    },
    {
      what: "BFD packets that wait to be read",
      value: "the kernel's receive buffer (`net.core.rmem_default`)",
      why: "memory",
      there:
        "the kernel drops further ones, and single-hop ones with another TTL than 255 before that; both are counted",
    },
    {
      what: "BFD interval raised by lateness of our own",
      value: `doubled after ${LATE_LIMIT} late packets in ${micros(WINDOW)}, to ${micros(STRETCH_LIMIT)}; halved after ${micros(CALM)} without one`,
      why: "the peer must not lose patience with a busy machine",
      there: "the session keeps that interval, logged as `bfdAdapted`",
    },
    {
      what: "Life of a BFD thread that dies",
      value: `another one after ${RESTART_DELAYS.map((ms) => seconds(ms)).join(", ")} and so on`,
      why: "no spinning",
      there: "BGP stands meanwhile",
    },
    {
      what: "Farewell of BFD sessions at the end",
      value: seconds(FAREWELL_MS),
      why: "a stop must not take long",
      there: "the peer finds out by its detection time",
    },
  ],
};

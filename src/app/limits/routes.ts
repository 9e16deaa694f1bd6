// What bounds the way from objects to routes: deciding, addresses, injected routes, sites, drains, the stop. Owns these rows of
// docs/limits.md. Knows nothing of sessions.
// Contract: each value is made from the constant that is in force, where it is in force (limit.ts).
import { MAX_COMMUNITY_OCTETS } from "../../bgp/wire/routeAttributes.ts";
import { ACK_LIMIT, STOP_ACK_LIMIT } from "../../drain/machine.ts";
import { MAX_BATCH, MAX_LINE_OCTETS } from "../../inject/conversation.ts";
import { MAX_FLUSH_AT_ONCE, MAX_INJECTED } from "../../inject/injections.ts";
import { MAX_STREAMS } from "../../observe/injectStream.ts";
import { IDLE_KEPT } from "../../site/governing.ts";
import { LONGEST_DELAY, LONGEST_GUARD, LONGEST_STABLE, SITE_DEFAULTS } from "../../sources/sitePolicy.ts";
import { DEFERRAL, MAX_WITNESSED } from "../../witness/witness.ts";
import { LATE_LOOK_EVERY_MS, LOOK_EVERY_MS } from "../draining.ts";
import { LAST_WRITES_LIMIT_MS, STOP_LIMIT_MS } from "../farewell.ts";
import { SAVE_INTERVAL } from "../injectedFile.ts";
import { LONGEST_RETRY_PAUSE, RETRY_PAUSE } from "../keptFile.ts";
import { SLICE_MS, STUCK_MS } from "../reconcile.ts";
import { LIFE_SIGN_INTERVAL, LONGEST_RESTART } from "../restartMarker.ts";
import { kib, type LimitTheme, seconds } from "./limit.ts";

export const ROUTE_LIMITS: LimitTheme = {
  title: "Decisions and routes",
  limits: [
    {
      what: "Life sign in `stateDir`",
      value: `every ${seconds(LIFE_SIGN_INTERVAL)}; counts for ${seconds(LONGEST_RESTART)}`,
      why: "the longest restart time of RFC 4724",
      there: "a start after that is a first one to the peers",
    },
    {
      what: "Communities of a route that several BGPAdvertisements make",
      value: `${MAX_COMMUNITY_OCTETS} octets (4 each, large ones 12)`,
      why: "one message of any session",
      there: "those that do not fit, by name, are left out of that route, reported",
    },
    {
      what: "File of `stateDir` that cannot be written",
      value: `tried again after ${seconds(RETRY_PAUSE)}, doubled to ${seconds(LONGEST_RETRY_PAUSE)}; at once when a command needs it`,
      why: "a full disk",
      there: "what it is to hold stays in memory and in force, reported; new addresses of `--allocate` wait for it",
    },
    {
      what: "Counts of a pool",
      value: "2^63 - 1",
      why: "the API's int64; a /64 alone has more",
      there: "not told apart",
    },
    {
      what: "Deciding in one turn",
      value: `${SLICE_MS} ms`,
      why: "keepalives must not wait",
      there: "the rest follows in the next turn",
    },
    {
      what: "Injected prefixes",
      value: `${MAX_INJECTED}`,
      why: "memory",
      there: "further ones are refused",
    },
    {
      what: "Changes of one inject batch",
      value: `${MAX_BATCH}; of them \`flush\` with up to ${MAX_FLUSH_AT_ONCE} prefixes`,
      why: "all of it is done in one turn",
      there: "the batch is refused",
    },
    {
      what: "Streams of inject commands",
      value: `${MAX_STREAMS}, lines of ${kib(MAX_LINE_OCTETS)}`,
      why: "memory",
      there: "further ones are refused, a longer line is passed over and told",
    },
    {
      what: "Input of a stream at a time",
      value: "one chunk of the kernel's, and the answers to it",
      why: "back-pressure",
      there: "who does not read the answers is not read from",
    },
    {
      what: "Injected routes to disk (`--persist`)",
      value: `${seconds(SAVE_INTERVAL)} at most, at once when a command or stream ends`,
      why: "a stream of them would write without end",
      there: "a crash in between loses them",
    },
    {
      what: "Start-up guard of a site",
      value: `${seconds(SITE_DEFAULTS.startupGuard)}, at most ${seconds(LONGEST_GUARD)}`,
      why: "a witness that does not come must not keep a VIP away for good",
      there: "the site is blind and does what `whenBlind` says",
    },
    {
      what: "Delays of a SitePolicy",
      value: `\`takeoverDelay\` ${seconds(SITE_DEFAULTS.takeoverDelay)}, \`leaveDelay\` ${seconds(SITE_DEFAULTS.leaveDelay)}, each at most ${seconds(LONGEST_DELAY)}`,
      why: "beyond that a policy is not slow but wrong",
      there: "the policy is refused where it is read; its last good version stays in force",
    },
    {
      what: "Prefix of a site that nothing here can announce",
      value: seconds(IDLE_KEPT),
      why: "Services come and go, each with its prefix",
      there:
        "it is forgotten, unless it was demoted or a failback of it did not last; if it returns it begins as after a start",
    },
    {
      what: "Failback of a site",
      value: `after ${seconds(SITE_DEFAULTS.stableFor)}, doubled each time it did not last, to ${seconds(SITE_DEFAULTS.longest)}; both at most ${seconds(LONGEST_STABLE)}`,
      why: "a site that comes and goes must not take its users along",
      there: "the other site serves meanwhile",
    },
    {
      what: "A change that waits to be decided",
      value: seconds(STUCK_MS),
      why: "a daemon that cannot decide any more",
      there: "no more signs of life to the service manager, which starts it anew where it has a watchdog",
    },
    {
      what: "Acknowledgement of marked routes, and of withdrawals, by the peers' TCP in a drain",
      value: `${seconds(ACK_LIMIT)} each, ${seconds(STOP_ACK_LIMIT)} in a stop; looked for every ${LOOK_EVERY_MS} ms, from late ones every ${LATE_LOOK_EVERY_MS} ms`,
      why: "a stuck peer",
      there: "the drain goes on and says what is not proven; a late one is still seen",
    },
    {
      what: "Routes with claims that a witness follows",
      value: `${MAX_WITNESSED}`,
      why: "memory",
      there: "further ones are not passed on, reported; asked for again below nine tenths",
    },
    {
      what: "Peer of a witness that is away or does not end its table",
      value: seconds(DEFERRAL),
      why: "End-of-RIB tells a site that it has seen all claims",
      there:
        "the others get theirs without it (time without any session is not counted); one that stands already loses the claims at once",
    },
    {
      what: "Stop",
      value: `${seconds(STOP_LIMIT_MS)}, and ${LAST_WRITES_LIMIT_MS} ms for files that are still being written`,
      why: "a stuck peer or disk",
      there: "the process leaves anyway and says so",
    },
  ],
};

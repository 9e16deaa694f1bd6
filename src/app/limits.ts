// Every limit of the daemon in one table, with its value taken from where it is in force. Owns the page docs/limits.md.
import { MAX_COMMUNITIES } from "../announce/advertisements.ts";
import { DEFAULT_CONNECT_RETRY_TIME } from "../announce/peers.ts";
import { FAREWELL_MS, RESTART_DELAYS } from "../bfd/client.ts";
import { GREATEST_INTERVAL, LEAST_INTERVAL } from "../bfd/config.ts";
import { DEFAULT_MAX_SESSIONS } from "../bfd/engine.ts";
import { DATAGRAMS_PER_ROUND } from "../bfd/loop.ts";
import { MOST_RECEIVERS } from "../bfd/sockets.ts";
import { CALM, LATE_LIMIT, STRETCH_LIMIT, WINDOW } from "../bfd/stallPolicy.ts";
import { CONNECTS_PER_SECOND, SHIELD_TIME, STRANGERS_PER_SECOND } from "../bgp/admission.ts";
import { LISTEN_BACKLOG } from "../bgp/listener.ts";
import { OPEN_HOLD_TIME, SEND_HOLD_FACTOR } from "../bgp/session/fsm.ts";
import {
  AMNESIA,
  BFD_PAUSE,
  FIRST_IDLE_HOLD,
  FIRST_RETRY,
  MAX_IDLE_HOLD,
  REPLACE_AFTER,
  RESET_PAUSE,
} from "../bgp/session/peer.ts";
import { FINISH_LIMIT_MS, READ_AT_ONCE, SLAB_SIZE } from "../bgp/transport.ts";
import { ADVERTISE_EVERY, DEFAULT_LIFETIME, LOOK_EVERY } from "../bgp/unnumbered.ts";
import { MAX_MESSAGE } from "../bgp/wire/registry.ts";
import { MAX_COMMUNITY_OCTETS } from "../bgp/wire/routeAttributes.ts";
import { MAX_FAULTS } from "../bgp/wire/update.ts";
import { LEASE_DURATION_SECONDS, RENEW_DEADLINE_MS, RETRY_PERIOD_MS } from "../control/election.ts";
import { FIRST_REST, LAST_REST, WRITES_AT_ONCE } from "../control/writeQueue.ts";
import { ACK_LIMIT, STOP_ACK_LIMIT } from "../drain/machine.ts";
import { MAX_BATCH, MAX_LINE_OCTETS } from "../inject/conversation.ts";
import { MAX_FLUSH_AT_ONCE, MAX_INJECTED } from "../inject/injections.ts";
import { MAX_ANSWER, REQUEST_LIMIT } from "../kube/client.ts";
import { PLUGIN_LIMIT_MS, PLUGIN_OUTPUT } from "../kube/credentials.ts";
import { MAX_TEXT_LENGTH } from "../kube/lines.ts";
import { KEEP_ALIVE_MS } from "../kube/transport.ts";
import {
  ANSWER_LIMIT,
  FIRST_PAUSE,
  GOOD_LIFE,
  LAST_PAUSE,
  LATE_CLOSE,
  LONGEST_WATCH_SECONDS,
  MAX_PAGES,
  PAGE_SIZE,
  SHORTEST_WATCH_SECONDS,
  SILENCE_LIMIT,
  SLOW_PAUSE,
} from "../kube/watchCore.ts";
import { DATAGRAM_ROOM } from "../linux/datagram.ts";
import { MAX_MD5_KEY } from "../linux/sockopt.ts";
import { HTTP_LIMITS } from "../observe/boundedServer.ts";
import { MAX_STREAMS } from "../observe/injectStream.ts";
import { MAX_SHOWN as INJECTED_SHOWN } from "../observe/injectView.ts";
import { MAX_TEXT, WARNINGS_PER_MINUTE } from "../observe/log.ts";
import { BACKLOG_LIMIT } from "../observe/logSink.ts";
import { ACCESS_LIMITS } from "../observe/scrapeAccess.ts";
import { HISTORY_LIMITS } from "../observe/serviceHistory.ts";
import { MAX_PEM, TLS_LOOK_EVERY } from "../observe/tlsFiles.ts";
import { MAX_CONDITION_MESSAGE } from "../reports/configurationState.ts";
import { EVENT_BURST, EVENT_EVERY, MAX_EVENTS } from "../reports/eventLog.ts";
import { RETRY_FIRST, RETRY_LAST } from "../reports/keeper.ts";
import { PAUSE_FIRST, PAUSE_LAST, PAUSE_SLOW } from "../reports/obstacles.ts";
import { PACE_CALM, PACE_FIRST, PACE_LAST } from "../reports/pace.ts";
import { FOLD_TIME, MAX_AT_ONCE, WRITES_PER_SECOND } from "../reports/reporter.ts";
import { QUIET_MS, RESCAN_MS } from "../sources/manifests.ts";
import { LONGEST_DELAY, LONGEST_GUARD, LONGEST_STABLE, SITE_DEFAULTS } from "../sources/sitePolicy.ts";
import { MAX_MANIFEST_BYTES } from "../sources/yamlFile.ts";
import { DEFERRAL, MAX_WITNESSED } from "../witness/witness.ts";
import { RETRY_INTERVAL } from "./allocationFile.ts";
import { POOL_STATUS_INTERVAL } from "./controllerWrites.ts";
import { LATE_LOOK_EVERY_MS, LOOK_EVERY_MS } from "./draining.ts";
import { STOP_LIMIT_MS } from "./farewell.ts";
import { SAVE_INTERVAL } from "./injectedFile.ts";
import { LEASE_REQUEST_LIMIT } from "./leader.ts";
import { SLICE_MS, STUCK_MS } from "./reconcile.ts";
import { LIFE_SIGN_INTERVAL, LONGEST_RESTART } from "./restartMarker.ts";
import { SHADOW_GRACE, SHADOW_ONCE_LIMIT, SHADOW_PAUSE } from "./shadowing.ts";
import { ANSWER_SLICE_MS } from "./slices.ts";

interface Limit {
  readonly what: string;
  readonly value: string;
  readonly why: string;
  /** What happens there. */
  readonly there: string;
}

const kib = (octets: number): string => `${octets / 1024} KiB`;
const seconds = (ms: number): string => `${ms / 1000} s`;
const micros = (us: number): string => seconds(us / 1000);

const LIMITS: readonly Limit[] = [
  { what: "BGP message", value: `${MAX_MESSAGE} octets`, why: "RFC 4271", there: "NOTIFICATION 1/2, the session ends" },
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
    what: "Life sign in `stateDir`",
    value: `every ${seconds(LIFE_SIGN_INTERVAL)}; counts for ${seconds(LONGEST_RESTART)}`,
    why: "the longest restart time of RFC 4724",
    there: "a start after that is a first one to the peers",
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
  {
    what: "Communities per BGPAdvertisement",
    value: `${MAX_COMMUNITIES}`,
    why: "MetalLB's limit",
    there: "the advertisement is out, reported",
  },
  {
    what: "Communities of a route that several BGPAdvertisements make",
    value: `${MAX_COMMUNITY_OCTETS} octets (4 each, large ones 12)`,
    why: "one message of any session",
    there: "those that do not fit, by name, are left out of that route, reported",
  },
  {
    what: "Manifest file",
    value: `${MAX_MANIFEST_BYTES / 1024 / 1024} MiB`,
    why: "memory",
    there: "refused, its last good content stays",
  },
  {
    what: "File written in place",
    value: `read ${QUIET_MS} ms after the last write`,
    why: "half-written files",
    there: "each write postpones it",
  },
  {
    what: "Lost file events",
    value: `all files compared every ${seconds(RESCAN_MS)}`,
    why: "inotify may overflow",
    there: "what differs is read",
  },
  {
    what: "Page of a list from the API server",
    value: `${PAGE_SIZE} objects; at most ${MAX_PAGES} pages`,
    why: "memory, at both ends",
    there: "the list counts as broken and is begun anew",
  },
  {
    what: "Object, or line of a watch, from the API server",
    value: `${MAX_TEXT_LENGTH / 1024 / 1024} Mi characters`,
    why: "memory",
    there: "the list or watch counts as broken and is begun anew",
  },
  {
    what: "Pause before the API server is asked again",
    value: `0 to ${seconds(FIRST_PAUSE)}, doubling to ${seconds(LAST_PAUSE)}, or what it asks for; where a permission or kind is missing ${seconds(SLOW_PAUSE)} x 0.5-1`,
    why: "a server that comes back must not be run over",
    there: `the next attempt; forgotten after an event or ${seconds(GOOD_LIFE)} of a watch`,
  },
  {
    what: "Silence of the API server",
    value: `${seconds(ANSWER_LIMIT)} of a list; of a watch ${seconds(SILENCE_LIMIT)} where bookmarks come, else ${seconds(LATE_CLOSE)} beyond its ${SHORTEST_WATCH_SECONDS}-${LONGEST_WATCH_SECONDS} s; TCP asks after ${seconds(KEEP_ALIVE_MS)}`,
    why: "half-open connections",
    there: "a new request; what is known stays in force",
  },
  {
    what: "Request to the API server beside lists and watches",
    value: `${seconds(REQUEST_LIMIT)}, an answer of ${MAX_ANSWER / 1024 / 1024} MiB`,
    why: "nothing may wait without end",
    there: "given up, tried again by whoever needs it",
  },
  {
    what: "Credential plugin of a kubeconfig",
    value: `${seconds(PLUGIN_LIMIT_MS)}, ${kib(PLUGIN_OUTPUT)} of output`,
    why: "a foreign program",
    there: "ended; the request counts as failed",
  },
  {
    what: "Assignments that cannot be written",
    value: `tried again every ${seconds(RETRY_INTERVAL)}`,
    why: "a full disk",
    there: "new addresses are not announced meanwhile, reported",
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
    what: "Making an answer of the status socket in one turn",
    value: `${ANSWER_SLICE_MS} ms`,
    why: "a large table must not hold up sessions",
    there: "the rest follows in the next turn, as the reader takes it",
  },
  {
    what: "Identical warnings",
    value: `${WARNINGS_PER_MINUTE} per minute and subject`,
    why: "log volume",
    there: "summed up in one line",
  },
  {
    what: "Log lines waiting for their reader",
    value: kib(BACKLOG_LIMIT),
    why: "a stopped reader must not stop BGP",
    there: "lines are dropped and counted",
  },
  { what: "Text of one log field", value: `${MAX_TEXT} characters`, why: "remote text", there: "cut" },
  {
    what: "Connections of the HTTP pages and of the status socket",
    value: `${HTTP_LIMITS.connections} each; ${seconds(HTTP_LIMITS.requestMs)} per request; headers ${kib(HTTP_LIMITS.headerOctets)}`,
    why: "not a way in",
    there: "refused or closed",
  },
  {
    what: "Body of a POST to the status socket",
    value: kib(HTTP_LIMITS.bodyOctets),
    why: "memory",
    there: "413; a stream has no such end",
  },
  {
    what: "A difference from what MetalLB reports (`--shadow`)",
    value: `compared ${seconds(SHADOW_PAUSE)} after a change, told after ${seconds(SHADOW_GRACE)}; \`--shadow-once\` waits ${seconds(SHADOW_ONCE_LIMIT)} at most`,
    why: "MetalLB needs seconds to act, and to write what it did",
    there: "`--shadow-once` says what is missing and ends with exit code 1",
  },
  {
    what: "Tokens of scrapers (`--metrics-auth`)",
    value: `${ACCESS_LIMITS.tokens} good and as many others remembered, for ${seconds(ACCESS_LIMITS.allowedFor)} and ${seconds(ACCESS_LIMITS.refusedFor)}; a good one for ${seconds(ACCESS_LIMITS.allowedWithoutReview)} while the API server is away`,
    why: "the API server must not pay for every scrape",
    there: "it is asked again",
  },
  {
    what: "Reviews of such tokens",
    value: `${ACCESS_LIMITS.reviews} at a time, ${seconds(ACCESS_LIMITS.review)} each`,
    why: "strangers may come with any token",
    there: "503 with Retry-After",
  },
  {
    what: "Certificate and key of the metrics page",
    value: `${kib(MAX_PEM)} each, looked at every ${seconds(TLS_LOOK_EVERY)}`,
    why: "memory, renewals",
    there: "larger ones are refused",
  },
  {
    what: "Reports to the cluster under way",
    value: `${MAX_AT_ONCE} requests; ${WRITES_PER_SECOND} a second; what changes within ${seconds(FOLD_TIME)} is one change`,
    why: "the API server is everybody's",
    there: "the rest waits, as one entry per object; routing does not",
  },
  {
    what: "Changes of one report",
    value: `the first at once, then ${seconds(PACE_FIRST)} apart, doubling to ${seconds(PACE_LAST)}; forgotten after ${seconds(PACE_CALM)} of calm`,
    why: "what flaps would be written without end",
    there:
      "only the state at the end of the pause is written; sessions up or down, and valid or not, wait for the first pause only",
  },
  {
    what: "Reports that cannot be written",
    value: `the kind pauses for ${seconds(PAUSE_FIRST)}, doubling to ${seconds(PAUSE_LAST)}; without permission or kind ${seconds(PAUSE_SLOW)}; one object that conflicts or is refused ${seconds(RETRY_FIRST)}, doubling to ${seconds(RETRY_LAST)}`,
    why: "no spinning",
    there: "counted in `vipcast_kube_writes_total`; what an operator can mend is told in `status`",
  },
  {
    what: "Events",
    value: `${EVENT_BURST} of one Service, then one in ${seconds(EVENT_EVERY)}; ${MAX_EVENTS} remembered`,
    why: "a Service that flaps would flood the cluster",
    there: "further ones are dropped and counted; of what is forgotten a repetition is a new Event",
  },
  {
    what: "Problems in ConfigurationState",
    value: `${MAX_CONDITION_MESSAGE} characters`,
    why: "the definition of the kind",
    there: "how many are left out is told",
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
    what: "Injected routes in `routes`",
    value: `${INJECTED_SHOWN} per peer`,
    why: "memory",
    there: "how many are left out is told; `inject list` has them all",
  },
  {
    what: "Injected routes to disk (`--persist`)",
    value: `${seconds(SAVE_INTERVAL)} at most, at once when a command or stream ends`,
    why: "a stream of them would write without end",
    there: "a crash in between loses them",
  },
  {
    what: "Changes of services that are remembered for `vipcast why`",
    value: `${HISTORY_LIMITS.changes} of all services, ${HISTORY_LIMITS.perService} told of one`,
    why: "memory",
    there: "the oldest is forgotten; since when the present answer holds is not",
  },
  {
    what: "BFD sessions",
    value: `${DEFAULT_MAX_SESSIONS}`,
    why: "memory",
    there: "further ones are refused, and their peers say so",
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
    what: "Failback of a site",
    value: `after ${seconds(SITE_DEFAULTS.stableFor)}, doubled each time it did not last, to ${seconds(SITE_DEFAULTS.longest)}; both at most ${seconds(LONGEST_STABLE)}`,
    why: "a site that comes and goes must not take its users along",
    there: "the other site serves meanwhile",
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
    there: "the kernel drops further ones, and single-hop ones with another TTL than 255 before that; both are counted",
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
    there: "further ones are not passed on, reported",
  },
  {
    what: "Peer of a witness that is away or does not end its table",
    value: seconds(DEFERRAL),
    why: "End-of-RIB tells a site that it has seen all claims",
    there: "the others get theirs without it; one that stands already loses the claims at once",
  },
  {
    what: "Lease of the controller",
    value: `lasts ${LEASE_DURATION_SECONDS} s, renewed every ${seconds(RETRY_PERIOD_MS)}; a request for it ${seconds(LEASE_REQUEST_LIMIT)}`,
    why: "as other controllers have it: a leader that died is replaced soon, one that is slow is not",
    there: `who could not renew it for ${seconds(RENEW_DEADLINE_MS)} writes nothing more, before another one can take it`,
  },
  {
    what: "Writes of the controller under way together",
    value: `${WRITES_AT_ONCE} of each kind; the status of pools after ${seconds(POOL_STATUS_INTERVAL)}`,
    why: "the API server has other clients",
    there: "the others wait; `vipcast_kube_reports_pending` counts the Services among them",
  },
  {
    what: "Rest after a write that was refused",
    value: `${seconds(FIRST_REST)}, doubled to ${seconds(LAST_REST)}, spread by half; of the one object`,
    why: "no hot loop",
    there: "it is tried again; after a conflict as soon as the newer object is there",
  },
  {
    what: "Stop",
    value: seconds(STOP_LIMIT_MS),
    why: "a stuck peer",
    there: "the process leaves anyway and says so",
  },
];

/** docs/limits.md. */
export function renderLimitsDoc(): string {
  const rows = LIMITS.map(({ what, value, why, there }) => `| ${what} | ${value} | ${why} | ${there} |`);
  return `# Limits

Generated from \`src/app/limits.ts\`; do not edit.

| Limit | Value | Why | There |
|---|---|---|---|
${rows.join("\n")}
`;
}

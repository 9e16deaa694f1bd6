// Every event that a log line can be about: the one table of words, each with what happened and what to do. Owns the words;
// knows no code that logs. Convention: who logs something new adds its event here, since the logger takes no other word.
// Contract: a word, once released, is never renamed (log parsers know them); MetalLB's words are kept where they fit.

export interface LogEventEntry {
  /** The level of its lines; of several, by what happened. */
  readonly level: string;
  /** What happened. */
  readonly meaning: string;
  /** What to do about it; empty where nothing is to be done. */
  readonly cure: string;
}

export const LOG_EVENTS = {
  // life of the daemon
  start: { level: "info", meaning: "The daemon starts; `version` and `node` stand in the line.", cure: "" },
  startFailed: {
    level: "error",
    meaning: "The daemon could not start and ends with exit code 1; `error` says why.",
    cure: "Mend what the line names: an address in use, a directory or file that cannot be read.",
  },
  listening: {
    level: "info",
    meaning: "A listening socket is open: for peers, for metrics and health, or for status.",
    cure: "",
  },
  shadowDiffers: {
    level: "warn",
    meaning:
      "With `--shadow`: what would be announced and what MetalLB reports have differed for 10 s; `here` and `there` are the peers.",
    cure: "Follow the hint; `vipcast shadow` has the whole comparison.",
  },
  shadowAgrees: { level: "info", meaning: "With `--shadow`: a difference that was told is gone.", cure: "" },
  shadowWaits: {
    level: "info",
    meaning: "With `--shadow`: there is nothing to compare with, and why.",
    cure: "Let the daemon's account list and watch servicebgpstatuses, and let MetalLB's speaker run.",
  },
  metricsCertificate: {
    level: "info, warn",
    meaning:
      "The files of `--metrics-tls-cert` and `--metrics-tls-key` have changed; or they cannot be used, and what was read before stays.",
    cure: "For a warning: write a certificate and the key that belongs to it.",
  },
  metricsAccess: {
    level: "warn",
    meaning:
      "With `--metrics-auth`: the API server could not be asked about the token of a scraper. Tokens that were good within the last 5 min still are.",
    cure: "See that the API server can be reached, and that the daemon's account may create tokenreviews and subjectaccessreviews.",
  },
  firstDecision: {
    level: "info",
    meaning: "The source was read and decided for the first time; announcements begin.",
    cure: "",
  },
  changeApplied: { level: "debug", meaning: "Changes were decided and handed to the peers.", cure: "" },
  reload: { level: "info", meaning: "SIGHUP: manifests and configuration are read again.", cure: "" },
  restartNeeded: {
    level: "warn",
    meaning: "Settings of the daemon were changed that take effect at a start only.",
    cure: "Restart the daemon when it suits you.",
  },
  capabilities: {
    level: "debug",
    meaning:
      "The capabilities that the program's file permits could not be put in force; what needs one says so itself.",
    cure: "",
  },
  serviceManager: {
    level: "warn",
    meaning: "The service manager asks to be told when the daemon is ready (NOTIFY_SOCKET), and cannot be told.",
    cure: "See the reason in the line; with Type=exec nobody asks.",
  },
  restart: {
    level: "info",
    meaning: "The last process ended without a goodbye; peers that keep our routes are told of a restart.",
    cure: "",
  },
  stateDir: {
    level: "warn",
    meaning: "`stateDir` cannot be used, so that a crash will not be told from a stop.",
    cure: "Make it a directory that the daemon's user may write to.",
  },
  signal: { level: "info", meaning: "A signal asked the daemon to stop; a second one ends it at once.", cure: "" },
  draining: {
    level: "info",
    meaning:
      "The node drains: routes are the last choice of routers for `durationMs`, then withdrawn; `reason` says why.",
    cure: "",
  },
  drained: {
    level: "info",
    meaning: "Everything is withdrawn; the text tells how many peers acknowledged it.",
    cure: "",
  },
  drainUnproven: {
    level: "warn",
    meaning: "A peer has not acknowledged the withdrawals in time, or cannot be asked; the text says why.",
    cure: "Look at that router before you take the node away: it may still send traffic here.",
  },
  drainNotKept: {
    level: "error",
    meaning: "That the node is to stay drained cannot be written to `stateDir`, or not taken away.",
    cure: "See its permissions and the space on its file system.",
  },
  routesKept: {
    level: "info",
    meaning: "`stopKeepsRoutes`: the daemon ends without a goodbye to peers that keep its routes over a restart.",
    cure: "",
  },
  undrained: { level: "info", meaning: "The drain is over: everything is announced as it is decided.", cure: "" },
  stopIncomplete: {
    level: "warn",
    meaning: "A peer did not take its withdrawals and Cease in time.",
    cure: "Look at that router: it was slow or gone. It drops the routes at the end of its hold time.",
  },
  stopped: { level: "info", meaning: "The daemon has stopped.", cure: "" },
  internalError: {
    level: "error",
    meaning: "A defect of vipcast; one session, or the work of one turn, was given up and starts anew.",
    cure: "Please report it with the line, its `stack` included.",
  },

  // configuration
  configProblem: {
    level: "error, warn",
    meaning:
      "Something is wrong in an object or setting; `kind`, `name`, `path`, `file`, `line` and `hint` say where and what to do.",
    cure: "Follow the hint; the texts are listed in this page.",
  },
  problemSolved: { level: "info", meaning: "A problem that was told is there no more.", cure: "" },

  // services
  serviceAnnounced: {
    level: "info, debug",
    meaning: "A Service is announced on this node from now on; at debug after a drain.",
    cure: "",
  },
  updatedAdvertisements: { level: "debug", meaning: "An announced Service is announced differently.", cure: "" },
  serviceWithdrawn: {
    level: "info, debug",
    meaning: "A Service is announced no more; `reason` is a word of [the list](reasons.md); at debug in a drain.",
    cure: "See the reason; `vipcast check` names object and field.",
  },
  serviceNotAnnounced: {
    level: "debug",
    meaning: "A Service is still not announced, for another reason than before.",
    cure: "See the reason; `vipcast check` names object and field.",
  },

  // sessions
  sessionUp: { level: "info", meaning: "A session is established.", cure: "" },
  sessionDown: {
    level: "warn",
    meaning: "An established session ended; `reason`, `code` and `subcode` say why.",
    cure: "See the text: the peer's NOTIFICATION, a timer, the connection, BFD, or an edit of ours.",
  },
  peerState: { level: "debug", meaning: "A session changed its state below Established.", cure: "" },
  peerNotification: {
    level: "warn",
    meaning: "The peer sent a NOTIFICATION.",
    cure: "Code and subcode name its complaint: AS numbers, hold time and capabilities are the usual ones.",
  },
  connectFailed: {
    level: "warn",
    meaning: "An attempt to open a session failed; the next one is told.",
    cure: "See that the router is there, listens, expects this address, and has the same password and AS numbers.",
  },
  connectionEnded: {
    level: "debug",
    meaning: "A connection ended that was not the session: refused, or lost to another one.",
    cure: "",
  },
  peerAdded: { level: "info", meaning: "A BGPPeer is served from now on.", cure: "" },
  peerRemoved: { level: "info", meaning: "A BGPPeer is served no more on this node.", cure: "" },
  peerCleared: { level: "info", meaning: "An operator ended the pause of a peer; it is tried anew.", cure: "" },
  peerReset: { level: "info", meaning: "A BGPPeer was edited in a way that needs a new session.", cure: "" },
  peerChanged: { level: "info", meaning: "A BGPPeer was edited; its session stays.", cure: "" },
  updateFault: {
    level: "warn",
    meaning: "The peer sent a faulty UPDATE; `verdict` says what became of it (RFC 7606).",
    cure: "Look for the fault at the router that made the route: `attribute` and `data` show it.",
  },
  listener: {
    level: "warn",
    meaning: "Connections to us are limited, dropped, or not checked as asked for; the text says which.",
    cure: "See who connects, and [the limits](limits.md).",
  },
  neighborSeen: {
    level: "info",
    meaning: "A router advertises itself on the interface of an unnumbered peer.",
    cure: "",
  },
  neighborLost: {
    level: "warn",
    meaning: "The router of an unnumbered peer advertises itself no more.",
    cure: "See the link and the router advertisements of the router.",
  },

  // BFD
  bfdStarted: { level: "info", meaning: "The BFD thread runs; the text names its scheduling class.", cure: "" },
  bfdRestarted: {
    level: "error",
    meaning: "The BFD thread died and is started again.",
    cure: "Please report it with the line.",
  },
  bfdUp: { level: "info", meaning: "A BFD session is up.", cure: "" },
  bfdDown: {
    level: "warn",
    meaning: "A BFD session went down; the text has the diagnostic.",
    cure: "Look at the path to the peer, and at the peer's BFD.",
  },
  bfdWeaker: {
    level: "warn",
    meaning: "A BFD session runs with less than it could: the text says what is missing.",
    cure: "Give the capability it names, or accept it.",
  },
  bfdStalled: {
    level: "warn",
    meaning: "This host did not run the BFD thread for a while; sessions were not judged by that.",
    cure: "Allow CAP_SYS_NICE, or use longer intervals.",
  },
  bfdAdapted: {
    level: "warn",
    meaning: "BFD intervals were made longer, because this host could not keep them.",
    cure: "Allow CAP_SYS_NICE, or use longer intervals.",
  },
  bfdConflict: {
    level: "warn",
    meaning: "Two peers share one BFD session and ask for different values; those of `peer` count.",
    cure: "Give both the same BFDProfile.",
  },
  bfdRefused: {
    level: "error",
    meaning: "A BFD session cannot run as it is asked for; the text says why.",
    cure: "Mend what it names in the BFDProfile or the BGPPeer.",
  },

  // sites
  siteState: {
    level: "info, warn",
    meaning:
      "A prefix under a SitePolicy has moved from one state to another; as a warning: epochs cannot be read or kept.",
    cure: "Where a site lost or is blind, see `vipcast site status`; where epochs are not kept, see the permissions of `stateDir`.",
  },
  siteCommand: { level: "info", meaning: "An operator promoted or demoted this site.", cure: "" },

  // the allocator
  allocationsRead: {
    level: "info",
    meaning: "The addresses that were given before are read from `stateDir`.",
    cure: "",
  },
  allocation: {
    level: "info, warn",
    meaning: "A Service got addresses, or could not; the text says which.",
    cure: "Where it could not: see the pools it may use, and what it asks for.",
  },
  allocationsNotKept: {
    level: "error",
    meaning: "The addresses given cannot be written to `stateDir`; they may be others after a restart.",
    cure: "See its permissions and the space on its file system.",
  },

  // the controller
  leaderWaiting: {
    level: "info",
    meaning: "Another controller holds the Lease; this one takes over when that one is gone.",
    cure: "",
  },
  webhookCertificate: {
    level: "info, warn",
    meaning:
      "The certificate of the webhooks is another one; or there is none that can be used, and what was there before stays.",
    cure: "For a warning: see the reason; with `--webhook-cert-dir` write tls.crt and the tls.key that belongs to it.",
  },
  webhooksFailed: {
    level: "error",
    meaning: "The webhooks cannot be served at their address; all else goes on.",
    cure: "Choose an address of this host that is free with `--webhooks`, and restart.",
  },
  webhookKnowledge: {
    level: "info, warn",
    meaning: "The webhooks do not know all objects, and let through what they cannot compare; or they know them again.",
    cure: "For a warning: see that the API server answers, and that the account has the rights of config/components/webhooks.",
  },
  leaderElected: { level: "info", meaning: "This controller holds the Lease and gives addresses.", cure: "" },
  leaderLost: {
    level: "warn",
    meaning: "This controller could not renew its Lease in time, and writes nothing until it holds it again.",
    cure: "See whether the API server answers, and whether this machine is overloaded.",
  },
  leaderRefused: {
    level: "error",
    meaning: "Another controller holds the Lease, and this one was told not to wait for it (`--leader-elect=false`).",
    cure: "Run one of them, or let both take part in the election.",
  },

  // routes by hand
  injectedRestored: { level: "info", meaning: "Routes that were injected with --persist are there again.", cure: "" },
  injectedNotKept: {
    level: "error",
    meaning: "Injected routes cannot be written to `stateDir`; they will not outlive the daemon.",
    cure: "See its permissions and the space on its file system.",
  },
  injectedUnreadable: {
    level: "warn",
    meaning: "The file of injected routes, or a line of it, cannot be read; the text says which.",
    cure: "See the file in `stateDir`; remove it to begin anew.",
  },
} as const satisfies Readonly<Record<string, LogEventEntry>>;

export type LogEvent = keyof typeof LOG_EVENTS;

// What is told of the daemon's sockets and over them: why one cannot be listened on or reached, and answers to questions that cannot be
// answered. The table. Owns texts, causes and cures; knows no code that says them. See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

const OTHER_NAME = "Ask for one that is there.";
const WRITABLE = "Choose a directory this user may write to.";

export const OBSERVE_MESSAGES = {
  // listening over TCP
  portTaken: {
    text: "{place}: another process listens there already; stop it or choose another port (EADDRINUSE)",
    cause: "Two processes of one host cannot listen on one address and port.",
    cure: "Stop the other process, or choose another port.",
  },
  addressNotHere: {
    text: "{place}: this host has no such address; give one it has, or 0.0.0.0 or [::] for all (EADDRNOTAVAIL)",
    cause: "The address is misspelt, or not (yet) on an interface.",
    cure: "Give an address of this host, or 0.0.0.0 or [::] for all.",
  },
  portForbidden: {
    text: "{place}: not permitted; ports below 1024 need root or NET_BIND_SERVICE (EACCES)",
    cause: "The daemon runs without the capability for low ports.",
    cure: "Choose a port from 1024, or give the daemon NET_BIND_SERVICE.",
  },
  nameWithoutAddress: {
    text: "{place}: the name has no address; give an IP address (ENOTFOUND)",
    cause: "The host name of the address is not known to the resolver.",
    cure: "Give an IP address.",
  },
  listenFailed: {
    text: "{place}: {error}",
    cause: "The system does not let the daemon listen there, for the reason it names.",
    cure: "Do away with what the system names, or choose another address or path.",
  },
  noPort: {
    text: "no port was bound",
    cause: "The system let the daemon listen, and names no port.",
    cure: "This is a defect; report it.",
  },

  // the Unix socket of the daemon
  socketPathLong: {
    text: "{place}: the path is longer than {max} octets; choose a shorter one (ENAMETOOLONG)",
    cause: "Addresses of Unix sockets have room for so much, and the system would cut the rest.",
    cure: "Choose a shorter path.",
  },
  socketNotSocket: {
    text: "{place}: there is a file that is not a socket; remove it or choose another path (EEXIST)",
    cause: "The daemon replaces sockets of dead daemons and nothing else.",
    cure: "Remove the file, or choose another path.",
  },
  socketAnswered: {
    text: "{place}: another daemon answers there; stop it or choose another path (EADDRINUSE)",
    cause: "A daemon with the same --socket runs already.",
    cure: "Stop it, or choose another path.",
  },
  socketTaken: {
    text: "{place}: another daemon took it just now; stop it or choose another path (EADDRINUSE)",
    cause: "Two daemons with the same --socket were started at once.",
    cure: "Stop one, or choose another path.",
  },
  socketForbidden: {
    text: "{place}: not permitted to create it there; choose a directory this user may write to ({code})",
    cause: "The user of the daemon may not write to the directory.",
    cure: WRITABLE,
  },
  socketNoDirectory: {
    text: "{place}: its directory does not exist; create it or choose another path (ENOENT)",
    cause: "The directory of --socket is misspelt, or not mounted.",
    cure: "Create the directory, or choose another path.",
  },
  socketReadOnly: {
    text: "{place}: its file system is read-only; choose another path (EROFS)",
    cause: "The file system of --socket is mounted read-only, as the root of a hardened pod is.",
    cure: WRITABLE,
  },

  // a daemon that cannot be asked
  noDaemon: {
    text: "{socket}: no daemon there; is it running, and with this --socket? (ENOENT)",
    cause: "The socket does not exist.",
    cure: "Start the daemon, or give the path that it got with --socket.",
  },
  daemonGone: {
    text: "{socket}: no daemon there any more: the socket is left over from one that ended (ECONNREFUSED)",
    cause: "The daemon died without removing its socket.",
    cure: "Start the daemon again; it replaces the socket.",
  },
  socketNotYours: {
    text: "{socket}: not permitted; the socket is for the user the daemon runs as, so try as that user or root (EACCES)",
    cause: "The socket has mode 0600.",
    cure: "Ask as the user of the daemon, or as root.",
  },
  notSocket: {
    text: "{socket}: not a socket; give the path that the daemon got with --socket (ENOTSOCK)",
    cause: "The path names a file of another kind.",
    cure: "Give the path that the daemon got with --socket.",
  },
  daemonClosed: {
    text: "{socket}: the daemon closed the connection, perhaps because it is ending (ECONNRESET)",
    cause: "The daemon ended in the midst of an answer, or sheds connections.",
    cure: "Ask again; the log of the daemon tells whether it ended.",
  },
  askFailed: {
    text: "{socket}: {error}",
    cause: "The system does not let the command ask the daemon, for the reason it names.",
    cure: "Do away with what the system names.",
  },
  daemonSilent: {
    text: "the daemon did not answer within {seconds} s",
    cause: "The daemon is stopped, or starved of CPU.",
    cure: "See whether its process runs, and has CPU; then ask again.",
  },
  brokenAnswer: {
    text: "{socket}: the answer broke off: {error}",
    cause: "The daemon ended in the midst of its answer.",
    cure: "Ask again; the log of the daemon tells whether it ended.",
  },
  strangeStatus: {
    text: "{socket}: the daemon answered {status} for {path}: {answer}",
    cause: "Daemon and command are of different versions, or the daemon met a defect.",
    cure: "Use the command of the daemon's version, and see its log.",
  },
  notVipcast: {
    text: "{socket}: what answers there is not a vipcast daemon (no JSON for {path})",
    cause: "Another program listens on the socket.",
    cure: "Give the path that the daemon got with --socket.",
  },
  streamRefused: {
    text: "{socket}: the daemon answered {status}",
    cause: "The daemon does not take the stream of inject commands, for a reason this version does not know.",
    cure: "Use the command of the daemon's version, and see its log.",
  },
  noStreams: {
    text: "{socket}: what answers there takes no routes; is it an older vipcast?",
    cause: "The daemon has no page for injected routes.",
    cure: "Update the daemon, or give the socket of another one.",
  },
  manyStreams: {
    text: "{socket}: too many streams are open; end one of them",
    cause: "As many streams of inject commands are open as a daemon takes.",
    cure: "End one of them.",
  },

  // answers of the daemon
  notDecided: {
    text: "{why}",
    cause: "The daemon has just started, and has not read and decided everything; the text says what it waits for.",
    cure: "Wait, or see why the source does not answer: `vipcast status`.",
  },
  nothingDecided: {
    text: "nothing has been decided yet",
    cause: "The daemon has just started.",
    cure: "Ask again in a moment.",
  },
  noService: {
    text: "there is no Service {name}",
    cause: "The Service went away while the question was answered.",
    cure: OTHER_NAME,
  },
  unknownService: {
    text: "there is no Service {name}. {known}",
    cause: "Name or namespace are misspelt.",
    cure: OTHER_NAME,
  },
  otherNamespace: {
    text: "there is no Service {name}, but {namesakes}: name the one you mean",
    cause: "The name stands without its namespace or with another one, and Services of that name are elsewhere.",
    cure: "Write NAMESPACE/NAME.",
  },
  unknownNode: {
    text: "there is no Node {name}. {known}",
    cause: "The name after --node is misspelt.",
    cure: OTHER_NAME,
  },
  unknownBgpPeer: {
    text: "there is no BGPPeer {name}. {known}",
    cause: "The name after --peer is misspelt.",
    cure: OTHER_NAME,
  },
  bgpPeerOut: {
    text: "BGPPeer {name} is not in force: {fault}",
    cause: "The BGPPeer after --peer has an error, and no version without one is known.",
    cure: "Mend what is named.",
  },
  noSession: {
    text: "no session is run with a BGPPeer {name}. {known}",
    cause: "The name is misspelt, or the BGPPeer does not select this node.",
    cure: OTHER_NAME,
  },
  noSitePolicy: {
    text: "no SitePolicy selects this node",
    cause: "There is nothing on this node that could be promoted or demoted.",
    cure: "Ask a node that a SitePolicy selects.",
  },
  unknownSite: {
    text: "there is no SitePolicy {name} here. {known}",
    cause: "The name is neither that of a SitePolicy of this node nor of a site.",
    cure: OTHER_NAME,
  },
  drainTime: {
    text: "--drain-time: {fault}. {hint}",
    cause: "The time is no duration, or longer than a drain may take.",
    cure: "Write it as the text says.",
  },
  siteNotKept: {
    text: "{action}d and in force, but a restart would not know of it: {why}",
    cause: "The file of epochs could not be written; the daemon goes on trying.",
    cure: "Do as the text says, and see in `vipcast status` that the problem goes.",
  },
  persistNeedsState: {
    text: "--persist: the daemon has no state directory. Start it with --state-dir DIR.",
    cause: "A drain that outlives the daemon has to be written somewhere.",
    cure: "Start the daemon with --state-dir DIR.",
  },
  persistFailed: {
    text: "--persist: {why}",
    cause: "The drain could not be written to the state directory.",
    cure: "Make room, or let the daemon write there.",
  },
  drainFileStays: {
    text: "{why}",
    cause: "The file of a drain that was to outlive the daemon could not be removed.",
    cure: "Let the daemon write to its state directory.",
  },
  alreadyLeft: {
    text: "the daemon has said goodbye to its peers already; start it again",
    cause: "The daemon is ending, and a goodbye cannot be taken back.",
    cure: "Start the daemon again.",
  },
  noShadow: {
    text: "the daemon does not run with --shadow",
    cause: "Only a shadow compares with MetalLB.",
    cure: "Ask a daemon that was started with --shadow.",
  },

  // health and metrics over HTTP
  notReady: {
    text: "not ready: {missing}",
    cause: "The first decision is not complete; /readyz answers 503 until it is.",
    cure: "Wait, or see why the source does not answer: `vipcast status`.",
  },
  tokenNeeded: {
    text: "a bearer token is needed that the API server knows",
    cause: "Metrics are for those whom the API server lets read them, and the scraper sent no token or a wrong one.",
    cure: "Let the scraper send the token of its service account.",
  },
  metricsForbidden: {
    text: '{user} may not get /metrics: no role allows it (nonResourceURLs: ["/metrics"])',
    cause: "The API server knows the scraper, and no role of it allows `get` of /metrics.",
    cure: 'Bind the scraper\'s account to a ClusterRole with nonResourceURLs ["/metrics"] and the verb get.',
  },
  tokenNotJudged: {
    text: "the API server cannot be asked about this token at present",
    cause: "The API server is not reachable, or does not let the daemon ask about tokens.",
    cure: "See the log of the daemon; the scraper is to come again.",
  },
} as const;

export const say = sayFrom(OBSERVE_MESSAGES);

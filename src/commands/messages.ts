// What the commands tell whoever calls them: the table. Owns texts, causes and cures; knows no code that says them.
// See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const COMMAND_MESSAGES = {
  // where the objects come from
  twoSources: {
    text: "is given beside --manifests",
    cause: "Objects are read from manifests or from an API server, not from both.",
    cure: "There is one source: leave one of the two out.",
  },
  contextAlone: {
    text: "has no kubeconfig to be looked up in",
    cause: "--context names a context of a kubeconfig, and none is given.",
    cure: "Give --kubeconfig FILE, or leave it out.",
  },
  noSource: {
    text: "nothing says where the objects are, and this is no pod of a cluster",
    cause: "Neither flag, environment nor file names a source, and no service account is mounted.",
    cure: "Give --manifests DIR or --kubeconfig FILE; in a pod neither is needed.",
  },
  kubeconfigUnreadable: {
    text: "cannot be read: {error}",
    cause: "The kubeconfig does not exist, may not be read, or is too large; the text says which.",
    cure: "Give the file of --kubeconfig.",
  },

  // what calls a command off
  settingsRefused: {
    text: "{problems}",
    cause: "Settings of the daemon are wrong or missing: one line for each, with its cure.",
    cure: "Do as each line says.",
  },
  refusedQuestion: {
    text: "{answer}",
    cause: "The daemon says what is wrong with the question, in the words of its answers.",
    cure: "Do as the answer says.",
  },
  pathUnreadable: {
    text: "{path} does not exist or cannot be read; give a file or a directory of manifests",
    cause: "The path of the manifests is misspelt, or not for this user.",
    cure: "Give a file or a directory of manifests.",
  },
  whichNode: {
    text: "say for which node with --node NAME; {there}",
    cause: "The manifests have several Node objects, or none, and decisions are those of one node.",
    cure: "Name one with --node.",
  },
  notHex: {
    text: "that is no hex: give pairs of the digits 0-9 and a-f",
    cause: "The words of `decode` are no octets.",
    cure: "Give pairs of the digits 0-9 and a-f; spaces and colons between them are allowed.",
  },
  peerNotHere: {
    text: "no BGPPeer {peer} selects this node. {known}",
    cause: "The name is misspelt, or the BGPPeer does not select the node of the daemon.",
    cure: "Give the name of a BGPPeer of this node.",
  },
  whoToAsk: {
    text: "name the daemon with --socket PATH, or the objects with --manifests PATH",
    cause: "`why` was told neither.",
    cure: "Give one of the two.",
  },
  planAgainstWhat: {
    text: "say against what: --socket PATH of a daemon, or --against PATH of the old manifests",
    cause: "`plan` compares, and was told only one side.",
    cure: "Give one of the two.",
  },
  stdinAndWords: {
    text: "--stdin takes no further words; write them as lines",
    cause: "`inject --stdin` reads its commands from standard input alone.",
    cure: "Write the words as a line of standard input, or leave out --stdin.",
  },
  injectWords: {
    text: "inject: {fault}",
    cause: "The words make no command; the text says which of them, and what would.",
    cure: "See the grammar of the commands in docs/inject.md.",
  },
  streamOnly: {
    text: "inject: {type} belongs in a stream; see --stdin",
    cause: "A transaction has several commands, and one call has one.",
    cure: "Write the commands to `vipcast inject --stdin`.",
  },

  // what goes wrong under way
  connectionClosed: {
    text: "{socket}: the daemon closed the connection, perhaps because it is ending",
    cause: "The daemon ended while it was spoken with.",
    cure: "See its log, and whether what was asked for is there: `vipcast inject list`.",
  },
  noAnswer: {
    text: "the daemon gave no answer; it may be ending",
    cause: "The daemon closed the connection without a word.",
    cure: "See its log, and ask again.",
  },
  streamEnded: {
    text: "the daemon ended the stream; what it answered was done, the rest was not",
    cause: "The daemon ended, or ended a stream that it could not go on with.",
    cure: "Send the rest again.",
  },
  drainTakenBack: {
    text: "the drain was taken back",
    cause: "Somebody called `vipcast undrain` while `drain --wait` waited.",
    cure: "Ask who did, and drain again.",
  },
  staysDrained: {
    text: "the node stays drained: {causes}",
    cause: "Something else than a command drains the node, as a cordon or a taint.",
    cure: "Take away what the text names.",
  },
} as const;

export const say = sayFrom(COMMAND_MESSAGES);

// What is told of injected routes: of commands that are refused, and as problems: the table. Owns texts, causes and cures; knows no code
// that says them. See kernel/messages.ts for the convention. {what} is an option as it was given: `--med`, or `med` in JSON.
import { sayFrom } from "../kernel/messages.ts";

export const INJECT_MESSAGES = {
  beforeDecided: {
    text: "the injected route stands before the decided one at {peers}",
    cause: "A prefix was injected by hand that a Service announces, too.",
    cure: "To let the decided one through: vipcast inject del {prefix}",
  },

  // words and lines that make no command
  noCommand: {
    text: "a command is missing",
    cause: "The line or call has options alone.",
    cure: "There are: {known}.",
  },
  unknownCommand: {
    text: "{name} is no command",
    cause: "The first word is misspelt.",
    cure: "There are: {known}.",
  },
  unknownOption: {
    text: "{option} is not known to {name}",
    cause: "The option is misspelt, or another command's.",
    cure: "{there}",
  },
  takesNoValue: {
    text: "--{flag} takes no value",
    cause: "A switch is on when it is given.",
    cure: "Write --{flag} alone, or leave it out.",
  },
  needsValue: {
    text: "--{flag} needs a value",
    cause: "The option is the last word.",
    cure: "Write --{flag} {placeholder}.",
  },
  surplusWord: {
    text: "{word} is one word too many",
    cause: "A command has one prefix at most; a value belongs behind its option.",
    cure: "{usage}",
  },
  notForCommand: {
    text: "{what} has no meaning for {name}",
    cause: "The option belongs to another command.",
    cure: "{usage}",
  },
  givenTwice: {
    text: "{what} is given twice",
    cause: "Which of the two counts nobody knows.",
    cure: "Keep one of them.",
  },
  takesNoPrefix: {
    text: "{name} takes no prefix",
    cause: "The command is about everything that is injected.",
    cure: "{usage}",
  },
  needsPrefix: {
    text: "{name} needs a prefix",
    cause: "The command is about one prefix.",
    cure: "{usage}",
  },
  notJson: {
    text: "is no JSON",
    cause: "A line that begins with a brace or a bracket is read as JSON.",
    cure: "Each line holds one whole object or array.",
  },
  notObject: {
    text: "is no object",
    cause: "Each command in JSON is an object.",
    cure: 'Write an object with "command" and, where it takes one, "prefix".',
  },
  prefixNotText: {
    text: "prefix must be a text",
    cause: "The value of `prefix` is of another kind.",
    cure: 'Write "prefix": "192.0.2.0/24".',
  },
  wrongKind: {
    text: "{what} has a value of the wrong kind",
    cause:
      "In JSON switches are true or false, options that may be repeated are lists, all others are texts or numbers.",
    cure: "{kind}",
  },
  overlong: {
    text: "longer than {max} octets",
    cause: "A line, or an array in JSON, is too long.",
    cure: "Split it.",
  },

  // values that are not taken
  wrongValue: {
    text: "{what} {fault}",
    cause: "The value is out of its range or form, as for the annotation of the same name.",
    cure: "Correct the value.",
  },
  notCommunity: {
    text: "{what} is {value}, no {type} community",
    cause: "The value has another form; names of Community objects have no meaning here.",
    cure: "{form}",
  },
  manyCommunities: {
    text: "{count} communities, at most {max} fit a route",
    cause: "A route with more of them does not fit a message.",
    cure: "Use fewer.",
  },
  noPeerName: {
    text: "{what} is empty",
    cause: "The name of a BGPPeer is missing.",
    cure: "Name a BGPPeer.",
  },
  oddPeerName: {
    text: "{what} is {name}, no name of a BGPPeer",
    cause: "Names have no white space.",
    cure: "Name a BGPPeer.",
  },
  noLength: {
    text: "{text} has no length",
    cause: "A prefix is an address and a length.",
    cure: "Write {ip}/{length}.",
  },
  notPrefix: {
    text: "{text} is no prefix",
    cause: "Address or length cannot be read.",
    cure: "Write it like 192.0.2.0/24 or 2001:db8::/48.",
  },
  bitsBeyond: {
    text: "{text} has bits set beyond its length",
    cause: "Either the address or the length is a slip, and which one nobody knows.",
    cure: "Write {network}, or {host}.",
  },
  martian: {
    text: "{text} is within {range}, {what}: no router should be told",
    cause: "Such addresses are nobody's to announce.",
    cure: "Give another prefix.",
  },
  defaultRoute: {
    text: "{prefix} is the default route: it draws all traffic of the peers here",
    cause: "A slip in the length of a prefix would do so, too.",
    cure: "Say {word} if it is meant.",
  },

  // batches
  inArray: {
    text: "[{index}]: {fault}",
    cause: "An entry of an array in JSON is refused, and with it the array.",
    cure: "Correct the entry.",
  },
  notInBatch: {
    text: "{name} has no place in a batch",
    cause: "A batch is made of `add`, `del` and `flush`.",
    cure: "Send it on a line of its own.",
  },
  notInBody: {
    text: "{name} has no place here",
    cause: "What is sent in one piece is a batch already.",
    cure: "Send add, del and flush; all or none is done.",
  },
  notCommitted: {
    text: "the batch was not committed: nothing of it was done",
    cause: "The stream ended within a batch.",
    cure: "End it with commit.",
  },
  withoutBegin: {
    text: "{name} without begin",
    cause: "There is no batch to be ended.",
    cure: "Begin a batch with begin.",
  },
  withinBatch: {
    text: "{name} within a batch",
    cause: "A batch is made of `add`, `del` and `flush`, and this line makes it fail.",
    cure: "Commit or abort it first.",
  },
  wrongLines: {
    text: "nothing of the batch was done: {lines}",
    cause: "A batch is carried out as a whole or not at all.",
    cure: "Correct the lines that were refused, and send the batch again.",
  },
  refusedAt: {
    text: "{at}{fault}{more}",
    cause: "A change of a batch is refused, and with it the batch.",
    cure: "Correct the change.",
  },
  tooManyChanges: {
    text: "more than {max} changes in one batch",
    cause: "A batch is carried out in one turn.",
    cure: "Split it, or send the lines one by one in a stream.",
  },

  // changes that the daemon refuses
  stopping: {
    text: "the daemon is stopping",
    cause: "It has begun to take its routes away.",
    cure: "Tell the next one.",
  },
  flushInBatch: {
    text: "flush in a batch: {count} routes are too many to take away at once",
    cause: "A batch is carried out in one turn.",
    cure: "Flush first, on a line of its own, then begin the batch.",
  },
  noStateDir: {
    text: "--persist: the daemon has no state directory",
    cause: "There is nowhere to keep the route.",
    cure: "Start it with --state-dir DIR.",
  },
  tooManyPrefixes: {
    text: "{max} prefixes are injected already, more are not taken",
    cause: "The table has an end, so that memory has.",
    cure: "Delete some first.",
  },
  familyNotCarried: {
    text: "--peer {peer}: its session does not carry {family}",
    cause: "The session is of the other family alone.",
    cure: "See spec.dualStackAddressFamily of the BGPPeer.",
  },
  hopIsPeer: {
    text: "--next-hop {hop} is the address of peer {peer} itself",
    cause: "No peer may be sent to itself (RFC 4271 section 5.1.3).",
    cure: "Leave that peer out.",
  },
  injectedForAll: {
    text: "--peer {peer}: {prefix} is injected for all peers",
    cause: "One peer cannot be taken out of a route for all.",
    cure: "Delete it without --peer, then add it for the peers that keep it.",
  },
  peersUnknown: {
    text: "the daemon does not know its peers yet",
    cause: "It has not read all objects since its start.",
    cure: "Try again when `vipcast status` says ready.",
  },
  peerUnknown: {
    text: "--peer {peer}: no such BGPPeer selects this node",
    cause: "The name is misspelt, or the BGPPeer is for other nodes.",
    cure: "Name a BGPPeer of this node.",
  },
} as const;

export const say = sayFrom(INJECT_MESSAGES);

// What is told of objects while they are read: the table. Owns texts, causes and cures; knows no code that says them. See
// kernel/messages.ts for the convention. The path of the field goes before the text, so `is required` reads
// `spec.myASN: is required`.
import { sayFrom } from "../kernel/messages.ts";

const JSON_CURE = "Look for a missing comma, quote or bracket; comments are not allowed in JSON.";

export const SOURCE_MESSAGES = {
  // files and directories
  directoryGone: {
    text: "the directory does not exist or cannot be entered",
    cause: "The directory of manifests was removed, renamed or unmounted.",
    cure: "Everything it held stays in force; it is read again as soon as it is back.",
  },
  directoryEmptied: {
    text: "the directory was replaced by an empty one",
    cause: "A mount went away, or a deployment is half done: nothing is withdrawn for that.",
    cure: "Everything stays in force until a manifest appears or the daemon gets SIGHUP.",
  },
  directoryUnlisted: {
    text: "cannot be listed: {why}",
    cause: "The system refuses to list the directory.",
    cure: "See its permissions.",
  },
  directoryUnwatched: {
    text: "cannot be watched: {why}",
    cause: "The system has no watch left for the directory.",
    cure: "Raise fs.inotify.max_user_watches or max_user_instances. Until then the files are polled.",
  },
  unreadableFile: {
    text: "{why}",
    cause: "The file is there and cannot be read; the text has the system's reason.",
    cure: "See its permissions and size.",
  },
  notUtf8: { text: "is not UTF-8 text", cause: "The file has another encoding.", cure: "Save it as UTF-8.{keeps}" },
  fileTooLarge: {
    text: "has {bytes} bytes, more than {max}",
    cause: "A file of manifests is bounded, so that one file cannot hold up the daemon.",
    cure: "Split it into several files.",
  },
  definedTwice: {
    text: "{object} is already defined in {file}, line {line}, which counts",
    cause: "One object is written in two places; the first in the order of files and documents counts.",
    cure: "Remove or rename one of the two.",
  },
  jsonSyntax: { text: "is no JSON: {why}", cause: "A .json file must be JSON, not YAML.", cure: JSON_CURE },
  yamlNesting: {
    text: "is nested too deeply",
    cause: "The values are nested beyond what a manifest needs.",
    cure: "Write the values out, without aliases or nesting.",
  },
  yamlAliases: {
    text: "{why}",
    cause: "An alias leads nowhere, or aliases multiply (the text is the YAML parser's).",
    cure: "Write the values out, without aliases or nesting.",
  },
  yamlDuplicateKey: {
    text: "the key {key} stands twice in the same mapping",
    cause: "Often the `---` between two objects is missing.",
    cure: "Remove one of the two; a new object begins after a line with ---.",
  },
  yamlTab: { text: "a tab is used for indentation", cause: "YAML knows no tabs there.", cure: "Indent with spaces." },
  yamlBlockKey: {
    text: "{why}",
    cause: "A value has a colon and is not in quotes (the text is the YAML parser's).",
    cure: 'Put a value that contains ": " in quotes, or begin a new line.',
  },
  yamlScalarStart: {
    text: "{why}",
    cause: "A value begins with a character that means something in YAML (the text is the parser's).",
    cure: "Put the value in quotes.",
  },
  yamlMissingChar: {
    text: "{why}",
    cause: "A bracket, quote or colon is missing (the text is the YAML parser's).",
    cure: "Add the missing character; it may belong some lines above.",
  },
  yamlSyntax: {
    text: "{why}",
    cause: "The file is no YAML (the text is the parser's).",
    cure: "Look at the indentation and the quotes of this line and the one above.",
  },

  // any field
  required: { text: "is required", cause: "The field is absent, null or empty.", cure: "Add it." },
  requiredUnless: {
    text: "is required, unless {other} is given",
    cause: "Exactly one of the two fields must be there.",
    cure: "Give {this} or {other}.",
  },
  wrongType: {
    text: "must be {wanted}, found {found}",
    cause: "The YAML value has another type than the field.",
    cure: "Write {wanted}.",
  },
  outOfRange: {
    text: "is {value}, must be {min} to {max}",
    cause: "The number is outside of what the API takes.",
    cure: "Write a number from {min} to {max}.",
  },
  notADuration: {
    text: "is no duration: {text}",
    cause: "Durations are written as Go writes them, with units.",
    cure: 'Write it like "90s", "1m30s" or "500ms".',
  },
  durationType: {
    text: "must be a duration string, found {found}",
    cause: "Durations are strings with units.",
    cure: 'Write it like "90s" or "1m30s".',
  },
  negativeDuration: {
    text: "must not be negative: {text}",
    cause: "No timer runs backwards.",
    cure: "Remove the sign.",
  },
  notOneOf: {
    text: "is {text}, must be one of {words}",
    cause: "The field takes some words only, with their letter case.",
    cure: "Write one of {words}.",
  },
  emptyEntry: { text: "must not be empty", cause: "A list has an empty entry.", cure: "Remove the entry, or fill it." },
  notOfTheFamily: {
    text: "is {text}, must be IPv4 or IPv6",
    cause: "An address family is misspelt.",
    cure: "Write IPv4 or IPv6.",
  },
  twice: {
    text: "is {text}, which is already in {earlier}",
    cause: "A value or name stands twice where each may stand once.",
    cure: "Remove one of the two.",
  },
  unknownField: {
    text: "is not a known field and has no effect",
    cause: "The API has no such field; the API server would drop it.",
    cure: "Remove it.",
  },
  notTogether: {
    text: "cannot be used together with {other}",
    cause: "The two fields exclude each other.",
    cure: "Remove one of the two.",
  },
  noEffectWithout: {
    text: "has no effect without {other}",
    cause: "It belongs to a feature that is not used.",
    cure: "Set {other}, or remove it.",
  },

  // what a document is
  notAnObject: {
    text: "is not an object",
    cause: "A YAML document is a scalar or a list.",
    cure: "A document is a mapping with apiVersion, kind, metadata.",
  },
  noKind: {
    text: "is required",
    cause: "The document does not say what it is.",
    cure: "Say what the object is, e.g. kind: Service.",
  },
  elsewhere: {
    text: '"{namespace}" is not the namespace of MetalLB\'s objects, "{home}"',
    cause: "As in MetalLB, its objects are read from one namespace.",
    cure: "Write {home}, leave it out, or start with --namespace.",
  },
  unreadVersion: {
    text: "{apiVersion} has no {kind} that is read here",
    cause: "The kind is known, in another version or group.",
    cure: "Write apiVersion: {versions}.",
  },
  unknownKind: { text: "{kind} is not a kind of {group}", cause: "The kind is misspelt.", cure: "Correct the kind." },
  bgpExtras: {
    text: "holds raw FRR configuration, which has no effect: there is no FRR here",
    cause: "The ConfigMap `bgpextras` is not empty.",
    cure: "Express it with BGPPeer and BGPAdvertisement, or remove the ConfigMap.",
  },

  // metadata
  badName: {
    text: "cannot be used as a name: {text}",
    cause: "The name is too long, or has characters that cannot stand in a message.",
    cure: "Use lower-case letters, digits, '-' and '.'.",
  },
  refusedName: {
    text: "Kubernetes would refuse the name {text}",
    cause: "The name works here, but not in a cluster.",
    cure: "Use lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit.",
  },
  notATime: {
    text: "is no RFC 3339 time: {text}",
    cause: "The age of an object decides which of two stays.",
    cure: 'Write it like "2026-01-31T12:00:00Z".',
  },

  // selectors
  equalSelector: {
    text: "is equal to {earlier}",
    cause: "Two selectors of a list, or two expressions of a selector, say the same.",
    cure: "Remove one of the two.",
  },
  notALabelKey: {
    text: "{text} is not a label key",
    cause: "Label keys have a syntax, in selectors too.",
    cure: "Up to 63 letters, digits, '-', '_', '.', beginning and ending with a letter or digit, after an optional domain and '/'.",
  },
  notALabelValue: {
    text: "{text} is not a label value",
    cause: "Label values have a syntax, in selectors too.",
    cure: "Up to 63 letters, digits, '-', '_', '.', beginning and ending with a letter or digit.",
  },
  needsValue: {
    text: "needs at least one value with operator {operator}",
    cause: "In and NotIn compare with values.",
    cure: "Give values, or use Exists or DoesNotExist.",
  },
  needsNoValue: {
    text: "must be empty with operator {operator}",
    cause: "Exists and DoesNotExist look at the key alone.",
    cure: "Remove the values, or use In or NotIn.",
  },
  notInV1beta1: {
    text: "{operator} cannot be used in v1beta1",
    cause: "BGPPeer v1beta1 demands a value in every expression.",
    cure: "Change apiVersion to metallb.io/v1beta2.",
  },

  // addresses
  notAnIp: {
    text: "is no IP address: {text}",
    cause: "The field takes an IPv4 or IPv6 literal: no name, zone or length.",
    cure: "Write it like 192.0.2.1 or 2001:db8::1.",
  },
  nodeAddress: {
    text: "is no IP address and is left out: {text}",
    cause: "A Node's InternalIP is not an address.",
    cure: "See what sets the Node's addresses; set routerID where it matters.",
  },
  loneAddress: {
    text: "is an address without a length: {text}",
    cause: "MetalLB takes CIDRs and ranges only.",
    cure: "Write {text}/{length}.",
  },
  notARange: {
    text: "is neither a CIDR nor a range: {text}",
    cause: "The entry of the pool cannot be read.",
    cure: "Write 192.0.2.0/24 or 192.0.2.10-192.0.2.20.",
  },
  badRangeEnd: {
    text: "is no range, {end} is no IP address: {text}",
    cause: "One end of the range cannot be read.",
    cure: "Write 192.0.2.10-192.0.2.20.",
  },
  mixedRange: {
    text: "goes from IPv4 to IPv6 and holds no address: {text}",
    cause: "MetalLB takes such a range, and finds no address in it.",
    cure: "Give one entry for each family.",
  },
  mixedRangeRefused: {
    text: "mixes IPv6 and IPv4: {text}",
    cause: "A range lies within one family.",
    cure: "Give one entry for each family.",
  },
  backwardRange: {
    text: "ends before it begins: {text}",
    cause: "The ends of the range are exchanged.",
    cure: "Write {last}-{first}.",
  },
  noAddresses: {
    text: "needs at least one entry",
    cause: "A pool without addresses cannot be meant.",
    cure: "Write 192.0.2.0/24 or 192.0.2.10-192.0.2.20.",
  },
  overlapInPool: {
    text: "{text} overlaps {other} in {earlier}",
    cause: "Two entries of one pool share addresses.",
    cure: "Addresses may be in one entry only: remove or shrink one of the two.",
  },

  // BGPPeer
  internalMultihop: {
    text: "is true, but peerASN equals myASN: the peer is internal",
    cause: "ebgpMultiHop is for external peers.",
    cure: "Remove ebgpMultiHop.",
  },
  routerIdV6: {
    text: "is an IPv6 address, a BGP identifier has 32 bits",
    cause: "MetalLB takes it and native mode panics.",
    cure: "Give an IPv4 address of this node.",
  },
  routerIdZero: {
    text: "must not be 0.0.0.0",
    cause: "0 is no BGP identifier (RFC 6286).",
    cure: "Leave it out, or give an IPv4 address of this node.",
  },
  notAHost: {
    text: "is not the address of a host: no session can come up",
    cause: "The address is unspecified or multicast.",
    cure: "Give the router's own address.",
  },
  longPassword: {
    text: "is longer than {max} bytes",
    cause: "The kernel's TCP MD5 keys end there.",
    cure: "Use a shorter one, on both sides.",
  },
  noSecretName: {
    text: "is missing, so there is no password",
    cause: "passwordSecret is there and names no Secret.",
    cure: "Name the Secret, or remove passwordSecret.",
  },
  secretNamespace: {
    text: "is {text}, which is ignored",
    cause: "As in MetalLB, Secrets are looked for in MetalLB's namespace.",
    cure: "The Secret is looked for in {home}.",
  },
  connectTime: {
    text: "must be whole seconds from 1 s to {max} s, is {seconds} s",
    cause: "The API takes whole seconds within 16 bits.",
    cure: "Write whole seconds.",
  },
  longTime: {
    text: "is {seconds} s, must be at most {max} s",
    cause: "MetalLB has no upper bound, and the value overflows on the wire.",
    cure: "BGP carries times as 16-bit seconds; 90s is a usual hold time.",
  },
  cutTime: {
    text: "is cut to {seconds} s",
    cause: "The duration has a fraction of a second.",
    cure: "BGP counts whole seconds.",
  },
  keepaliveOverHold: {
    text: "is {keepalive} s, more than the hold time of {hold} s",
    cause: "The peer would give up before it hears from us.",
    cure: "A third of holdTime is usual.",
  },
  shortHold: {
    text: "{derived} {seconds} s, a hold time must be 0 or at least 3 s",
    cause: "BGP allows no hold time of 1 or 2 seconds (RFC 4271 section 4.2).",
    cure: "0 switches the timers off.",
  },
  longHold: {
    text: "{derived} {seconds} s, a hold time must be at most {max} s",
    cause: "Three times keepaliveTime does not fit 16 bits.",
    cure: "Give holdTime as well.",
  },
  nextHopIsPeer: {
    text: "is the peer's own address",
    cause: "A router refuses itself as the next hop (RFC 4271 section 5.1.3).",
    cure: "Give an address of this side.",
  },
  nextHopIdle: {
    text: "has no effect: the session carries no IPv{version} routes",
    cause: "The next hop is of a family that the peer does not get.",
    cure: "Set spec.dualStackAddressFamily: true, or remove it.",
  },

  // BGPAdvertisement, Community
  selectiveAggregate: {
    text: "must be {full} with serviceSelectors, is {length}",
    cause: "An aggregate stands for Services that are not selected, too.",
    cure: "Remove {field} or serviceSelectors.",
  },
  notACommunity: {
    text: "is no community: {text}",
    cause: "The value of an alias must be a literal, not another alias.",
    cure: "Write 65000:100, or large:65000:1:2; well-known ones as numbers, no-export is 65535:65281.",
  },

  // SitePolicy
  badSiteName: {
    text: "is no name of a site: {text}",
    cause: "Names of sites appear in metrics and logs.",
    cure: "Write up to 63 letters in lower case, digits and dashes, such as frankfurt-1.",
  },
  longDelay: {
    text: "is longer than {max} s",
    cause: "The delay is longer than what makes sense for it.",
    cure: "Write {max}s or less.",
  },
  shorterThan: {
    text: "is shorter than {other}",
    cause: "A limit is below the value it limits.",
    cure: "Raise it, or lower {other}.",
  },

  // Secrets
  notBase64: {
    text: "is not base64 of UTF-8 text",
    cause: "Values of `data` are encoded.",
    cure: "Encode it with base64, or use stringData for clear text.",
  },
  trailingNewline: {
    text: "ends with a line break, which is part of the password",
    cause: "`echo` adds a line break before it is encoded.",
    cure: 'Encode it with "printf %s", not "echo".',
  },
} as const;

export const say = sayFrom(SOURCE_MESSAGES);

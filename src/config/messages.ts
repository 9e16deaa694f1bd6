// What is told of the daemon's own settings (flags, environment, configuration file): the table. Owns texts, causes and cures;
// knows no code that says them, and no setting. See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

const HOST_PORT_CURE = "Write HOST:PORT, e.g. 127.0.0.1:9120 or [::1]:9120; 0.0.0.0 stands for all IPv4 addresses.";
const DURATION_CURE = 'Write it with a unit, like "10s" or "1m30s"; at most {max}s.';

export const CONFIG_MESSAGES = {
  // values
  notText: {
    text: "{value} is not a text",
    cause: "The file has a number, true, false, or the like where a text belongs.",
    cure: "Put it in quotes, if it is meant as text.",
  },
  controlCharacters: {
    text: "{value} contains control characters",
    cause: "The text has line breaks, tabs or other control characters.",
    cure: "Write it on one line, without them.",
  },
  longText: {
    text: "it has {octets} octets",
    cause: "The text is longer than the setting takes (UTF-8).",
    cure: "At most {max} octets are possible.",
  },
  emptyPath: {
    text: "it is empty",
    cause: "A path is given as an empty text.",
    cure: "Give a path, or leave it out.",
  },
  kubernetesName: {
    text: "{value} is not a legal name",
    cause: "Kubernetes could not have an object of this name.",
    cure: "Lower-case letters, digits, dashes{dots}; at most {max} characters.",
  },
  taintKey: {
    text: "{value} is not the key of a taint",
    cause: "Value or effect of the taint were written as well, or the key is misspelt.",
    cure: "Write it as kubectl shows it, without value and effect: example.com/maintenance.",
  },
  notBoolean: {
    text: "{value} is neither true nor false",
    cause: "The setting is a switch.",
    cure: "Write true or false.",
  },
  notWord: {
    text: "{value} is not known",
    cause: "The setting takes one of some words, and this is none of them.",
    cure: "One of: {words}.",
  },
  notDuration: {
    text: "{value} is not a duration",
    cause: "The unit is missing, or the form is another than that of Go.",
    cure: DURATION_CURE,
  },
  durationRange: {
    text: "{value} is out of range",
    cause: "The duration is negative, or longer than the setting takes.",
    cure: DURATION_CURE,
  },
  notIpv4: {
    text: "{value} is not an IPv4 address",
    cause: "A router id has the form of an IPv4 address.",
    cure: "Write it like 192.0.2.1.",
  },
  zeroRouterId: {
    text: "0.0.0.0 cannot be a router id",
    cause: "BGP has no speaker with the identifier 0 (RFC 6286 2.1).",
    cure: "Use an address of this node.",
  },
  notHostPort: {
    text: "{value} is not of the form HOST:PORT",
    cause: "The port is missing, or an IPv6 address stands without brackets.",
    cure: HOST_PORT_CURE,
  },
  portRange: {
    text: "port {port} is out of range",
    cause: "There are no such ports.",
    cure: "Ports go from 0 (any free one) to 65535.",
  },
  notHost: {
    text: "{value} is neither an address nor a host name",
    cause: "What stands before the port is misspelt.",
    cure: HOST_PORT_CURE,
  },
  notAddress: {
    text: "{value} is not an address",
    cause: "BGP listens on addresses; names are not resolved.",
    cure: "Write 0.0.0.0:179, [::]:179, or an address of this host.",
  },
  listenTwice: {
    text: "{address} is there twice",
    cause: "One address and port can be listened on once.",
    cure: "Write it once.",
  },
  listenMany: {
    text: "it has {count} addresses",
    cause: "More addresses to listen on than are possible.",
    cure: "At most {max} are possible.",
  },
  tlsWord: {
    text: "{value} is no {what} that is taken",
    cause: "The name is misspelt, or stands for something too weak to be used.",
    cure: "There are: {known}.",
  },
  tlsTwice: {
    text: "{value} names one twice",
    cause: "A word is in the list more than once.",
    cure: "Write each once.",
  },

  // the configuration file
  yamlSyntax: {
    text: "{error}",
    cause: "The configuration file is no legal YAML; the words are the parser's.",
    cure: "The file must be one YAML mapping of keys to values.",
  },
  fileNotMapping: {
    text: "it is not a mapping",
    cause: "The configuration file is a list or a single value.",
    cure: "Write one `key: value` per line.",
  },
  unknownKey: {
    text: "there is no such key",
    cause: "The key is misspelt, or of another version.",
    cure: "There are: {keys}.",
  },
  notOneValue: {
    text: "{kind} stands where one value is expected",
    cause: "Every key of the configuration file takes one value.",
    cure: "Write `{key}: VALUE`.",
  },
  fileIsDirectory: {
    text: "it is a directory",
    cause: "The path of --config names a directory.",
    cure: "Give the file itself.",
  },
  fileLarge: {
    text: "it has {octets} octets",
    cause: "So large a file is no configuration file.",
    cure: "At most {max} are read.",
  },
  fileMissing: {
    text: "there is no such file",
    cause: "The path of --config is misspelt, or the file is not mounted.",
    cure: "Create it, or leave out --config.",
  },
  fileForbidden: {
    text: "it may not be read by this user",
    cause: "Owner or mode of the configuration file keep the daemon out.",
    cure: "Let the user of the daemon read it.",
  },
  fileNotUtf8: {
    text: "it is not UTF-8 text",
    cause: "The configuration file has octets that are no UTF-8.",
    cure: "Save it as UTF-8.",
  },
  fileUnreadable: {
    text: "it cannot be read: {error}",
    cause: "The system refused to read the configuration file, for the reason it names.",
    cure: "Do away with what the system names.",
  },

  // settings together
  settingNeeded: {
    text: "it is needed and was not given",
    cause: "The command cannot run without this setting.",
    cure: "Give --{flag} {placeholder}{environment} or {key} in the configuration file.",
  },
  unknownVariable: {
    text: "there is no such setting",
    cause: "A variable of the environment begins with VIPCAST_ and is almost the name of a setting.",
    cure: "Did you mean {near}?",
  },
  witnessWithoutServices: {
    text: "a witness has no Services",
    cause: "A witness announces nothing, so that there is nothing to do for this setting.",
    cure: "Leave out --{witness} or this.",
  },
  allocateInCluster: {
    text: "it is for manifests",
    cause: "The speaker gives addresses only where no controller does.",
    cure: "In a cluster the controller gives Services their addresses.",
  },
  stateDirNeeded: {
    text: "it needs a state directory",
    cause: "What the setting asks for has to be remembered across restarts.",
    cure: "Give --{stateDir} DIR.",
  },
  tlsPair: {
    text: "certificate and key belong together",
    cause: "One of the two files of a certificate is given without the other.",
    cure: "Give --{missing} FILE, too.",
  },
  shadowOfManifests: {
    text: "there is no MetalLB to compare with",
    cause: "A shadow compares with the MetalLB that runs in the cluster, and manifests have none.",
    cure: "Read from a cluster; for manifests there is `vipcast check`.",
  },
  authNeedsCluster: {
    text: "there is no API server to ask",
    cause: "Who may scrape is asked at the API server, and the objects come from manifests.",
    cure: "Leave it out, or read from a cluster.",
  },
  suitesOfTls13: {
    text: "TLS 1.3, the lowest version here, has suites that cannot be chosen",
    cause: "Cipher suites are chosen for TLS 1.2, which is ruled out.",
    cure: "Give --{minVersion} VersionTLS12, or leave the suites out.",
  },

  // arguments of MetalLB's programs
  flagNoEffect: {
    text: "has no effect: {note}",
    cause: "An argument of MetalLB's program asks for something that is not done here.",
    cure: "It may be left out.",
  },
  webhookAndAddresses: {
    text: "webhooks are served, and addresses are given as well",
    cause: "MetalLB's controller would serve webhooks alone with --webhook-mode=onlywebhook.",
    cure: "Every controller may give addresses; the Lease lets one of them.",
  },
  webhookMode: {
    text: "no such mode",
    cause: "--webhook-mode has another value than MetalLB's controller takes.",
    cure: "There are: enabled, disabled, onlywebhook.",
  },
  certDirNoEffect: {
    text: "has no effect without --disable-cert-rotation: the controller reads its Secret at the API server",
    cause: "--cert-dir is where MetalLB has its Secret mounted, which is not needed here.",
    cure: "It may be left out.",
  },
} as const;

export const say = sayFrom(CONFIG_MESSAGES);

// What can be said to `vipcast inject`: one table of commands and options, read from words (argv, lines) and from JSON alike.
// Owns names and grammar. Must not know which peers there are, nor what has been injected. Contract: pure; never throws; a command is
// whole and valid or there is a message with a cure. Attributes are read by the readers of the annotations, so that one value is judged
// alike everywhere.
import { MAX_COMMUNITIES } from "../announce/aliases.ts";
import { type Reading, readNextHop, readOneOf, readRouteSetting } from "../announce/annotations.ts";
import {
  type CommunityValue,
  parseCommunityLiteral,
  resolveCommunity,
  sortCommunities,
} from "../announce/communities.ts";
import type { Origin, RouteAttributes } from "../bgp/wire/message.ts";
import type { Ip, Prefix } from "../kernel/ip.ts";
import type { Said } from "../kernel/messages.ts";
import { nearest } from "../kernel/suggest.ts";
import { quote } from "../kernel/text.ts";
import { PeerName } from "../kernel/units.ts";
import { say } from "./messages.ts";
import { type Parsed, type Refusal, refused, taken } from "./parsed.ts";
import { parsePrefixStrictly } from "./strictPrefix.ts";

/** What an `add` says besides the prefix. The same object may stand in many commands. */
export interface AddSpec {
  readonly attributes: RouteAttributes;
  /** null: all peers, also those to come. */
  readonly peers: readonly PeerName[] | null;
  readonly isPersistent: boolean;
}

export type Change =
  | { readonly type: "add"; readonly prefix: Prefix; readonly spec: AddSpec }
  | { readonly type: "del"; readonly prefix: Prefix; readonly peers: readonly PeerName[] | null }
  | { readonly type: "flush" };

export type Command =
  | Change
  | { readonly type: "list"; readonly peers: readonly PeerName[] | null }
  | { readonly type: "begin" | "commit" | "abort" }
  /** A JSON array: all of it or nothing. */
  | { readonly type: "batch"; readonly changes: readonly Change[] };

interface Option {
  /** Without dashes. */
  readonly flag: string;
  /** Stands for the value; null for a switch. */
  readonly placeholder: string | null;
  readonly isRepeatable: boolean;
  readonly meaning: string;
  readonly default: string;
}

/** By the key in JSON. */
const OPTIONS = {
  nextHop: {
    flag: "next-hop",
    placeholder: "self|IP",
    isRepeatable: false,
    meaning: "Next hop, of the family of the prefix. `self` is our address on each session.",
    default: "`self`",
  },
  communities: {
    flag: "community",
    placeholder: "A:B",
    isRepeatable: true,
    meaning: "A community, as a pair of numbers or by its well-known name (`no-export`).",
    default: "none",
  },
  largeCommunities: {
    flag: "large-community",
    placeholder: "A:B:C",
    isRepeatable: true,
    meaning: "A large community (RFC 8092).",
    default: "none",
  },
  localPref: {
    flag: "local-pref",
    placeholder: "N",
    isRepeatable: false,
    meaning: "LOCAL_PREF, 0 to 4294967295; external peers never see it.",
    default: "not set, sent as 100",
  },
  med: {
    flag: "med",
    placeholder: "N",
    isRepeatable: false,
    meaning: "MULTI_EXIT_DISC, as annotation `vipcast.io/med`.",
    default: "not set, sent as 0",
  },
  asPathPrepend: {
    flag: "as-path-prepend",
    placeholder: "N",
    isRepeatable: false,
    meaning: "Extra copies of our AS for external peers, as annotation `vipcast.io/as-path-prepend`.",
    default: "0",
  },
  origin: {
    flag: "origin",
    placeholder: "WORD",
    isRepeatable: false,
    meaning: "ORIGIN: `igp`, `egp` or `incomplete`.",
    default: "`igp`",
  },
  peers: {
    flag: "peer",
    placeholder: "NAME",
    isRepeatable: true,
    meaning: "Only this BGPPeer.",
    default: "all, also those to come",
  },
  persist: {
    flag: "persist",
    placeholder: null,
    isRepeatable: false,
    meaning: "Keep the route over restarts of the daemon; it needs `--state-dir`.",
    default: "it ends with the daemon",
  },
  allowDefault: {
    flag: "allow-default",
    placeholder: null,
    isRepeatable: false,
    meaning: "The default route (0.0.0.0/0, ::/0) is meant.",
    default: "it is refused",
  },
} as const satisfies Readonly<Record<string, Option>>;

type OptionKey = keyof typeof OPTIONS;
const OPTION_KEYS = Object.keys(OPTIONS) as readonly OptionKey[];

const COMMANDS = {
  add: {
    takesPrefix: true,
    options: OPTION_KEYS,
    meaning: "Announce a prefix; the one that was injected is replaced.",
  },
  del: { takesPrefix: true, options: ["peers"], meaning: "Take an injected prefix away; what is decided shows again." },
  flush: { takesPrefix: false, options: [], meaning: "Take everything injected away." },
  list: { takesPrefix: false, options: ["peers"], meaning: "Print what is injected, as commands that make it again." },
  begin: { takesPrefix: false, options: [], meaning: "Begin a batch: what follows waits for `commit`." },
  commit: {
    takesPrefix: false,
    options: [],
    meaning: "Carry the batch out: all of it, or nothing if a line was wrong.",
  },
  abort: { takesPrefix: false, options: [], meaning: "Forget the batch." },
} as const satisfies Readonly<
  Record<string, { readonly takesPrefix: boolean; readonly options: readonly OptionKey[]; readonly meaning: string }>
>;

type CommandName = keyof typeof COMMANDS;
const isCommandName = (name: string): name is CommandName => Object.hasOwn(COMMANDS, name);
const isOptionKey = (key: string): key is OptionKey => Object.hasOwn(OPTIONS, key);

/** Texts as they were given, by option; a switch that is given has one text, empty. */
type Given = Partial<Record<OptionKey, readonly string[]>>;
/** How an option is called where it was given. */
type Label = (key: OptionKey) => string;
const asFlag: Label = (key) => `--${OPTIONS[key].flag}`;
const asKey: Label = (key) => key;

/** Reads a line of a stream: words, a JSON object, or a JSON array of objects. No space around it. */
export type LineParser = (line: string) => Parsed<Command>;

/** Option texts that a parser remembers. */
const MAX_KNOWN = 4096;

/** A parser that reads quickly what the bulk of a large stream is: the same again but for the prefix. */
export function lineParser(): LineParser {
  const known = new Map<string, AddSpec>();
  return (line) => {
    if (line.startsWith("{") || line.startsWith("[")) return parseJson(line);
    return (line.startsWith("add ") ? parseAdd(line, known) : null) ?? parseWords(wordsOf(line));
  };
}

const wordsOf = (line: string): readonly string[] => line.split(/\s+/).filter((w) => w !== "");

/** null: the long way has the message. */
function parseAdd(line: string, known: Map<string, AddSpec>): Parsed<Command> | null {
  const end = line.indexOf(" ", 4);
  const words = end < 0 ? line.slice(4) : line.slice(4, end);
  const rest = end < 0 ? "" : line.slice(end);
  const prefix = parsePrefixStrictly(words);
  if (!prefix.ok || prefix.value.length === 0) return null;
  const key = `${prefix.value.version}${rest}`;
  const spec = known.get(key);
  if (spec !== undefined) return taken({ type: "add", prefix: prefix.value, spec });
  const parsed = parseWords(wordsOf(line));
  if (parsed.ok && parsed.value.type === "add") {
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, parsed.value.spec);
  }
  return parsed;
}

export function parseWords(words: readonly string[]): Parsed<Command> {
  const [name = "", ...rest] = words;
  if (!isCommandName(name)) return unknownCommand(name);
  const given: { [K in OptionKey]?: string[] } = {};
  const operands: string[] = [];
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i] ?? "";
    if (!word.startsWith("--")) {
      operands.push(word);
      continue;
    }
    const cut = word.indexOf("=");
    const flag = word.slice(2, cut < 0 ? undefined : cut);
    const key = OPTION_KEYS.find((k) => OPTIONS[k].flag === flag);
    if (key === undefined) return unknownOption(name, `--${flag}`, asFlag);
    if (OPTIONS[key].placeholder === null) {
      if (cut >= 0) return refused(say("takesNoValue", { flag }));
      given[key] = [""];
      continue;
    }
    const value = cut < 0 ? rest[++i] : word.slice(cut + 1);
    if (value === undefined) return refused(say("needsValue", { flag, placeholder: OPTIONS[key].placeholder }));
    given[key] = [...(given[key] ?? []), value];
  }
  const [prefix = null, surplus] = operands;
  if (surplus !== undefined) return refused(say("surplusWord", { word: quote(surplus), usage: usageOf(name) }));
  return make(name, prefix, given, asFlag);
}

function parseJson(text: string): Parsed<Command> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refused(say("notJson"));
  }
  if (!Array.isArray(value)) return fromObject(value);
  const changes: Change[] = [];
  for (const [i, entry] of value.entries()) {
    const parsed = fromObject(entry);
    if (!parsed.ok) return refused(say("inArray", { index: i, fault: parsed.message }, parsed.hint));
    if (!isChange(parsed.value)) return refused(inBatch(i, parsed.value.type));
    changes.push(parsed.value);
  }
  return taken({ type: "batch", changes });
}

const inBatch = (index: number, name: string): Said => {
  const { message, hint } = say("notInBatch", { name });
  return say("inArray", { index, fault: message }, hint);
};

export const isChange = (command: Command): command is Change =>
  command.type === "add" || command.type === "del" || command.type === "flush";

function fromObject(value: unknown): Parsed<Command> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return refused(say("notObject"));
  const fields = new Map<string, unknown>(Object.entries(value));
  const name = fields.get("command") ?? "add";
  if (typeof name !== "string" || !isCommandName(name)) return unknownCommand(String(name));
  const given: { [K in OptionKey]?: readonly string[] } = {};
  let prefix: string | null = null;
  for (const [key, field] of fields) {
    if (key === "command" || field === null) continue;
    if (key === "prefix") {
      if (typeof field !== "string") return refused(say("prefixNotText"));
      prefix = field;
    } else if (isOptionKey(key)) {
      const texts = textsOf(field, OPTIONS[key]);
      if (texts === null) return refused(say("wrongKind", { what: key, kind: kindHint(OPTIONS[key]) }));
      if (texts.length > 0) given[key] = texts;
    } else return unknownOption(name, key, asKey);
  }
  return make(name, prefix, given, asKey);
}

/** null: neither the value nor a list where one may stand. */
function textsOf(field: unknown, { placeholder, isRepeatable }: Option): readonly string[] | null {
  if (placeholder === null) return typeof field === "boolean" ? (field ? [""] : []) : null;
  const list: readonly unknown[] | null = Array.isArray(field)
    ? isRepeatable
      ? field
      : null
    : isRepeatable
      ? null
      : [field];
  if (list === null) return null;
  const texts = list.flatMap((v) => (typeof v === "string" || typeof v === "number" ? [String(v)] : []));
  return texts.length === list.length ? texts : null;
}

const kindHint = ({ placeholder, isRepeatable }: Option): string =>
  placeholder === null ? "Write true or false." : isRepeatable ? "Write a list of texts." : "Write a text or a number.";

function make(name: CommandName, prefixText: string | null, given: Given, label: Label): Parsed<Command> {
  const { takesPrefix, options } = COMMANDS[name];
  const allowed: readonly OptionKey[] = options;
  for (const key of OPTION_KEYS) {
    if (given[key] === undefined) continue;
    if (!allowed.includes(key)) return refused(say("notForCommand", { what: label(key), name, usage: usageOf(name) }));
    if (!OPTIONS[key].isRepeatable && (given[key]?.length ?? 0) > 1)
      return refused(say("givenTwice", { what: label(key) }));
  }
  const peers = given.peers === undefined ? taken(null) : readPeers(given.peers, label);
  if (!peers.ok) return peers;
  if (!takesPrefix) {
    if (prefixText !== null) return refused(say("takesNoPrefix", { name, usage: usageOf(name) }));
    return taken(name === "list" ? { type: name, peers: peers.value } : { type: name as "flush" });
  }
  if (prefixText === null) return refused(say("needsPrefix", { name, usage: usageOf(name) }));
  const prefix = parsePrefixStrictly(prefixText);
  if (!prefix.ok) return prefix;
  if (name === "del") return taken({ type: name, prefix: prefix.value, peers: peers.value });
  if (prefix.value.length === 0 && given.allowDefault === undefined) {
    const word = `${label("allowDefault")}${label === asKey ? ": true" : ""}`;
    return refused(say("defaultRoute", { prefix: prefixText, word }));
  }
  const attributes = readAttributes(given, prefix.value.version, label);
  if (!attributes.ok) return attributes;
  const spec = { attributes: attributes.value, peers: peers.value, isPersistent: given.persist !== undefined };
  return taken({ type: "add", prefix: prefix.value, spec });
}

function readPeers(names: readonly string[], label: Label): Parsed<readonly PeerName[]> {
  if (names.includes("")) return refused(say("noPeerName", { what: label("peers") }));
  // a word of a line ends at white space, and a line at its end: what follows would be read as something else
  const stray = names.find((name) => /\s/.test(name));
  if (stray !== undefined) return refused(say("oddPeerName", { what: label("peers"), name: quote(stray) }));
  return taken([...new Set(names)].sort().map((name) => PeerName(name)));
}

const ORIGINS: readonly Origin[] = ["igp", "egp", "incomplete"];

function readAttributes(given: Given, version: 4 | 6, label: Label): Parsed<RouteAttributes> {
  const faults: Said[] = [];
  /** The value of an option that is given once at most; null where it is not given. */
  const read = <T>(key: OptionKey, reader: (text: string) => Reading<T>): T | null => {
    const text = given[key]?.[0];
    if (text === undefined) return null;
    const reading = reader(text);
    if (reading.ok) return reading.value;
    const { message, hint } = reading.said;
    faults.push(say("wrongValue", { what: label(key), fault: message }, hint));
    return null;
  };
  const nextHop = given.nextHop?.[0] === "self" ? "self" : read<Ip>("nextHop", (text) => readNextHop(version, text));
  const localPref = read("localPref", (text) => readRouteSetting("med", text)); // the same range, RFC 4271 5.1.4, 5.1.5
  const med = read("med", (text) => readRouteSetting("med", text));
  const asPathPrepend = read("asPathPrepend", (text) => readRouteSetting("asPathPrepend", text));
  const origin = read<Origin>("origin", readOneOf(...ORIGINS));
  const communities: CommunityValue[] = [];
  const take = (key: "communities" | "largeCommunities", type: CommunityValue["type"]): void => {
    for (const text of given[key] ?? []) {
      const literal = type === "large" && !text.startsWith("large:") ? `large:${text}` : text;
      const parsed = type === "large" ? parseCommunityLiteral(literal) : resolveCommunity(text, NO_ALIASES);
      if (parsed.type === "value" && parsed.community.type === type) communities.push(parsed.community);
      else {
        const form = type === "large" ? "Write it like 65000:1:2." : "Write it like 65000:1, or no-export.";
        faults.push(say("notCommunity", { what: label(key), value: quote(text), type, form }));
      }
    }
  };
  take("communities", "standard");
  take("largeCommunities", "large");
  if (communities.length > MAX_COMMUNITIES) {
    faults.push(say("manyCommunities", { count: communities.length, max: MAX_COMMUNITIES }));
  }
  const [fault] = faults;
  if (fault !== undefined) return refused(fault);
  return taken({
    nextHop: nextHop ?? "self",
    localPref,
    med,
    asPathPrepend: asPathPrepend ?? 0,
    linkBandwidth: null,
    ...sortCommunities(communities),
    ...(origin === null || origin === "igp" ? {} : { origin }),
  });
}

/** A script means numbers: aliases belong to Community objects, which change under it. */
const NO_ALIASES: ReadonlyMap<string, CommunityValue> = new Map();

function unknownCommand(name: string): Refusal {
  const names = Object.keys(COMMANDS);
  const near = nearest(name.toLowerCase(), names);
  const known = names.join(", ");
  if (name === "") return refused(say("noCommand", { known }));
  return refused(say("unknownCommand", { name: quote(name), known }, near === null ? "" : `Did you mean "${near}"?`));
}

function unknownOption(name: CommandName, given: string, label: Label): Refusal {
  const names = COMMANDS[name].options.map(label);
  const near = nearest(given, names);
  const there = names.length === 0 ? usageOf(name) : `There are: ${names.join(", ")}.`;
  const meant = near === null ? "" : `Did you mean ${near}?`;
  return refused(say("unknownOption", { option: quote(given), name, there }, meant));
}

const usageOf = (name: CommandName): string => {
  const { takesPrefix, options } = COMMANDS[name];
  return `Write: ${[name, ...(takesPrefix ? ["PREFIX"] : []), ...options.map(optionText)].join(" ")}`;
};

const optionText = (key: OptionKey): string => {
  const { flag, placeholder, isRepeatable } = OPTIONS[key];
  return `[--${flag}${placeholder === null ? "" : ` ${placeholder}`}]${isRepeatable ? "..." : ""}`;
};

/** For `--help`: commands and options, one per line. */
export function commandHelp(): string {
  const row = (left: string, right: string): string => `  ${left.padEnd(26)} ${right.replaceAll("`", "")}`;
  const commands = Object.entries(COMMANDS).map(([name, c]) =>
    row(`${name}${c.takesPrefix ? " PREFIX" : ""}`, c.meaning),
  );
  const options = OPTION_KEYS.map((key) => {
    const { flag, placeholder, meaning, default: standard } = OPTIONS[key];
    return row(`--${flag} ${placeholder ?? ""}`.trimEnd(), `${meaning} Default: ${standard}.`);
  });
  return ["Commands (begin, commit and abort in a stream only):", ...commands, "Options:", ...options].join("\n");
}

/** The two tables of docs/inject.md. */
export function renderCommandTables(): string {
  const commands = Object.entries(COMMANDS).map(
    ([name, c]) =>
      `| \`${name}${c.takesPrefix ? " PREFIX" : ""}\` | ${c.options.map((k) => `\`--${OPTIONS[k].flag}\``).join(" ")} | ${c.meaning} |`,
  );
  const options = OPTION_KEYS.map((key) => {
    const { flag, placeholder, isRepeatable, meaning, default: standard } = OPTIONS[key];
    const text = `--${flag}${placeholder === null ? "" : ` ${placeholder.replace("|", "\\|")}`}`;
    return `| \`${text}\`${isRepeatable ? ", repeatable" : ""} | \`${key}\` | ${meaning} | ${standard} |`;
  });
  return [
    "| Command | Options | Does |",
    "|---|---|---|",
    ...commands,
    "",
    "| Option | In JSON | Meaning | Default |",
    "|---|---|---|---|",
    ...options,
  ].join("\n");
}

// What a drop-in is judged by: the acceptance list and the register of MetalLB's quirks, each with what vipcast does, and the
// tests that show it, found by their titles. Owns those two lists and docs/compatibility.md. Runs no test.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** MetalLB's modes: native, FRR, FRR-K8s. */
type Modes = "all" | "native" | "FRR" | "FRR-K8s" | "FRR, FRR-K8s" | "webhook" | "controller";

interface Quirk {
  readonly id: string;
  readonly modes: Modes;
  readonly behaviour: string;
  readonly vipcast: string;
  /** What cannot show in a test of ours. */
  readonly isBySilence?: true;
}

export const QUIRKS: readonly Quirk[] = [
  { id: "Q-01", modes: "FRR-K8s", behaviour: "`localASN` and `sourceAddress` are dropped", vipcast: "honours both" },
  {
    id: "Q-02",
    modes: "all",
    behaviour: "an IPv6 `routerID` is accepted; native panics",
    vipcast: "refuses that peer alone",
  },
  {
    id: "Q-03",
    modes: "all",
    behaviour: "v1beta1 peers without timers get explicit zeros",
    vipcast: "the same: timers off; keepalives of a third where a hold time is agreed",
  },
  { id: "Q-04", modes: "all", behaviour: "`aggregationLengthV6` has no lower bound", vipcast: "refuses less than 1" },
  {
    id: "Q-05",
    modes: "native",
    behaviour: "`localPref: 0` is sent as 0",
    vipcast: "as FRR: not set, sent as 100 to internal peers",
  },
  {
    id: "Q-06",
    modes: "all",
    behaviour: "a mistake in an L2Advertisement refuses the BGP configuration",
    vipcast: "a warning; BGP is not affected",
  },
  {
    id: "Q-07",
    modes: "FRR, FRR-K8s",
    behaviour: "ServiceBGPStatus names peers that do not carry the family",
    vipcast: "a route counts at peers that carry its family",
  },
  {
    id: "Q-08",
    modes: "all",
    behaviour: "Services that share a prefix inherit each other's peers",
    vipcast: "each peer with the Services that ask for the prefix there",
  },
  {
    id: "Q-09",
    modes: "all",
    behaviour: "a node selector that does not convert stops every node, and is reported as valid",
    vipcast: "an error of that object, with its place",
  },
  {
    id: "Q-10",
    modes: "webhook",
    behaviour: "`disableMP: true` skips all other checks",
    vipcast: "checks everything; `disableMP` is a warning",
  },
  {
    id: "Q-11",
    modes: "all",
    behaviour: "one Service that asks for a retry freezes the start",
    vipcast: "each Service is decided on its own",
  },
  {
    id: "Q-12",
    modes: "all",
    behaviour: "with `--lb-class`, a Service that leaves LoadBalancer is missed",
    vipcast: "withdraws it",
  },
  {
    id: "Q-13",
    modes: "all",
    behaviour: "an endpoint of any family counts for a VIP of any family",
    vipcast: "the same",
  },
  {
    id: "Q-14",
    modes: "native",
    behaviour: "of several LOCAL_PREFs for one prefix a random one wins",
    vipcast: "the highest wins, the others are warned about",
  },
  {
    id: "Q-15",
    modes: "all",
    behaviour: "the stale metric stays 1 after good, bad, same good",
    vipcast: "problems and metric follow what is",
  },
  {
    id: "Q-16",
    modes: "all",
    behaviour: "a handler's error leaves half a configuration, without retry",
    vipcast: "decides anew from the whole state on every change",
  },
  {
    id: "Q-17",
    modes: "FRR, FRR-K8s",
    behaviour: "the last BFD profile is never removed",
    vipcast: "goes with its reference",
  },
  { id: "Q-18", modes: "native", behaviour: "the hold timer is not enforced on receive", vipcast: "enforces it" },
  {
    id: "Q-19",
    modes: "native",
    behaviour: "a refused OPEN is tried again in a hot loop",
    vipcast: "backs off until a session has lived for its hold time",
  },
  { id: "Q-20", modes: "native", behaviour: "IPv6 peers cannot work", vipcast: "they do" },
  {
    id: "Q-21",
    modes: "native",
    behaviour: "many withdrawals make a message beyond 4096 octets",
    vipcast: "cuts them into messages",
  },
  {
    id: "Q-22",
    modes: "all",
    behaviour: "debug logs show the password of a Secret",
    vipcast: "no message, log, metric or status shows one",
  },
  {
    id: "Q-23",
    modes: "controller",
    behaviour: "PreferDualStack with one ClusterIP oscillates between one address and two",
    vipcast: "a second family only for a dual-stack Service",
  },
  {
    id: "Q-24",
    modes: "controller",
    behaviour: "`namespaceSelectors` without a match leave the pool open for explicit requests",
    vipcast: "the pool is closed then",
  },
  { id: "Q-25", modes: "controller", behaviour: "the capacity of huge IPv6 ranges overflows", vipcast: "it saturates" },
  {
    id: "Q-26",
    modes: "FRR",
    behaviour: "the `peer` label of metrics changes while a session is down",
    vipcast: "always the configured port",
  },
  {
    id: "Q-27",
    modes: "FRR-K8s",
    behaviour: "at a restart FRR may get an empty configuration first",
    vipcast: "nothing is decided before the source has been listed, and End-of-RIB waits for the first whole decision",
  },
  {
    id: "Q-28",
    modes: "FRR-K8s",
    behaviour: "a removed speaker leaves its announcements in FRR",
    vipcast: "nothing to leave; when you migrate, delete the FRRConfigurations `metallb-<node>`",
    isBySilence: true,
  },
];

/** Sections of MetalLB's rules, and what a test of theirs is named after. */
export const SECTIONS: readonly (readonly [id: string, what: string])[] = [
  ["1.1", "BGPPeer v1beta2: fields, checks, rules between peers"],
  ["1.2", "BGPPeer v1beta1 and its conversion"],
  ["1.3", "BGPAdvertisement"],
  ["1.4", "IPAddressPool, as far as a speaker reads it"],
  ["1.5", "BFDProfile"],
  ["1.6", "Community"],
  ["1.7", "L2Advertisement: told, not used"],
  ["1.9", "Label selectors"],
  ["1.11", "What only some of MetalLB's modes support"],
  ["2.3", "Load-balancer class"],
  ["2.4", "The checks of a Service, in order; usable endpoints; what is not considered"],
  ["2.5", "From Service to prefixes; merging"],
  ["2.6", "LOCAL_PREF conflicts"],
  ["2.7", "Configuration errors, and what stays in force"],
  ["2.8", "What a change costs a session"],
  ["2.10", "Life of a node"],
  ["2.12", "The worked example"],
  ["3.1", "Timers"],
  ["3.2", "Router id"],
  ["3.5", "A neighbor as FRR mode has it: families, TTL, AS, attributes"],
  ["3.6", "Passwords"],
  ["3.7", "Multiprotocol"],
  ["3.8", "Communities"],
];

const titlesOf = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");

/** Test files below test/ that name the quirk outside comments, sorted. */
export function filesNaming(id: string): readonly string[] {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((n) => n.endsWith(".test.ts"));
  return names.filter((n) => new RegExp(`\\b${id}\\b`).test(titlesOf(readFileSync(join(root, n), "utf8")))).sort();
}

/** Which section numbers stand at the beginning of a title in the tables. */
export function sectionsTested(): ReadonlySet<string> {
  const tables = readdirSync(join(root, "compat")).filter((n) => n.endsWith(".test.ts"));
  const found = tables.flatMap((n) => [
    ...titlesOf(readFileSync(join(root, "compat", n), "utf8")).matchAll(/\(\s*"([0-9]+\.[0-9]+) /g),
  ]);
  return new Set(found.map((m) => m[1] ?? ""));
}

const DEVIATIONS = `- One bad object is out alone, with every problem listed; MetalLB refuses the whole configuration. Its last good version stays in force
  ([ADR 1](adr/0001-isolation-in-files.md), [ADR 5](adr/0005-annotations-and-isolation.md)).
- Of two objects that conflict the younger one is out: pools that overlap, peers of one address, port and VRF, advertisements with different
  \`localPref\` for the same prefixes, aliases of one name.
- More permissive, as native mode: peers of one node may have different \`myASN\` and \`routerID\`; one address on two ports is two peers.
- When the addresses of a Service no longer fit one pool, the Service is withdrawn at once; MetalLB keeps its whole old configuration until its
  controller has assigned anew ([ADR 11](adr/0011-drop-in-details.md)).
- An alias that is taken away while a BGPAdvertisement uses it keeps its last value there, and a BGPAdvertisement or BGPPeer that is edited to what cannot
  be used goes on as it was, until the daemon restarts; then it is out ([ADR 11](adr/0011-drop-in-details.md)). MetalLB keeps its whole old configuration, and
  after a restart announces nothing.
- Times beyond 65535 s and passwords beyond 80 octets are refused, because neither fits the wire.
- A session whose Secret or BFD profile is missing, broken or emptied does not run: never a weaker one than was asked for. MetalLB keeps the old
  session, and after a restart announces nothing.
- A lost connection is retried after 0.5 s, doubling to 5 s; FRR waits up to 120 s. MED 0 is sent as FRR does ([ADR 2](adr/0002-wire-defaults.md)).
- ConfigurationState lists every object that is out while everything else is in force, and \`lastTransitionTime\` moves with the status alone. The Event
  \`nodeAssigned\` is made when a node begins to announce, not at every resync; \`nodeWithdrawn\` is ours ([ADR 13](adr/0013-reports.md)).
- Well-known communities may be written by name (\`no-export\`); MetalLB takes numbers and aliases only, and an alias of that name wins.
- Validating webhooks are served by \`vipcast controller --webhooks\` alone ([allocation](allocation.md#webhooks)); beside MetalLB's controller its own go on.
  \`vipcast check\` finds the same mistakes before they are applied, and the speaker reports them after.
- \`bgpextras\` cannot be honoured, because there is no FRR: it is reported as an error.`;

/** docs/compatibility.md. */
export function renderCompatibilityDoc(): string {
  const code = (files: readonly string[]): string => files.map((f) => `\`${f}\``).join(", ");
  const quirks = QUIRKS.map(({ id, modes, behaviour, vipcast, isBySilence }) => {
    const files = code(filesNaming(id));
    return `| ${id} | ${modes} | ${behaviour} | ${vipcast} | ${files === "" && isBySilence !== true ? "decided, no test yet" : files} |`;
  });
  const sections = SECTIONS.map(([id, what]) => `| ${id} | ${what} |`);
  return `# Compatibility with MetalLB

Generated from \`test/compat/register.ts\` and the titles of the tests; do not edit. MetalLB's manifests, unchanged, give the routes that its FRR
modes give, per node and peer. \`vipcast check\` shows them before anything runs; the tables below go the same way, from YAML to its answer.

## What a drop-in must do

| Demand | vipcast |
|---|---|
| The same prefixes per node and peer for every rule of the decision, conflicts and merges included | Tables in \`test/compat\`, one row per rule (below) |
| Metrics and alerts with MetalLB's names | [Metrics](metrics.md); labels are those of native mode and never change |
| Reasons with MetalLB's words | [Reasons](reasons.md): \`vipcast check\`, log lines |
| ServiceBGPStatus, ConfigurationState and Events | The same names, labels, fields and words ([operations](operations.md#reports-in-the-cluster)); under systemd the Node owns the objects, because there is no Pod |
| Existing Secrets, namespaces and annotations | Objects and Secrets are read from MetalLB's namespace alone; \`metallb.io/*\` annotations are left as they are |
| \`bgpextras\` | Reported as unsupported |
| Beside MetalLB's controller | The speaker reads \`status.loadBalancer\` and does not care who wrote it |
| Beside MetalLB's L2 speakers | L2Advertisements are not used; keep BGPPeers away from MetalLB's speaker, or give it another load-balancer class |
| No change on a valid configuration but lower latency | The deviations below concern what MetalLB refuses, or what does not reach the wire |

## Where vipcast differs

${DEVIATIONS}

## Rules with tables

Numbers are those of the titles: \`npx vitest run --project unit test/compat -t "2.6"\` runs one.

| Number | Rules |
|---|---|
${sections.join("\n")}

## Quirks of MetalLB

| Number | Mode | MetalLB | vipcast | Tests |
|---|---|---|---|---|
${quirks.join("\n")}
`;
}

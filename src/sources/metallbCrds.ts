// IPAddressPool, BGPAdvertisement, BFDProfile and Community of metallb.io/v1beta1 -> announce/model (metallb-compat
// 1.3 - 1.6). Owns every check that looks at one object alone; BGPPeer has its own file. Knows nothing of other objects:
// overlaps between pools, aliases and selections are resolved in announce/.
// L2Advertisement (1.7) is checked and makes no object.
// Contract: faults go to the report, all of them; the result then does not count. Not checked here: the form of
// communities in an advertisement, because an alias may be spelt like a literal (3.8).
import { parseCommunityLiteral } from "../announce/communities.ts";
import type {
  AddressRange,
  BFDProfileObject,
  BGPAdvertisementObject,
  CommunityObject,
  IPAddressPoolObject,
  Meta,
} from "../announce/model.ts";
import { compareIp } from "../kernel/ip.ts";
import { withHint } from "../kernel/messages.ts";
import { quote } from "../kernel/text.ts";
import type { Fields } from "./fields.ts";
import { parseRange } from "./ipFields.ts";
import { readOneSelector, readSelectors } from "./labelSelector.ts";
import { say } from "./messages.ts";
import { readSettings } from "./settings.ts";

export function readAddressPool(root: Fields, meta: Meta): IPAddressPoolObject | null {
  if (!root.has("spec")) root.error("spec", say("required", {}, "Give the pool spec.addresses."));
  const spec = root.object("spec");
  if (spec === null) return null;
  const addresses = readAddresses(spec);
  readSettings(root, "IPAddressPool");
  const result: IPAddressPoolObject = {
    ...meta,
    kind: "IPAddressPool",
    addresses,
    autoAssign: spec.boolean("autoAssign", true),
    avoidBuggyIPs: spec.boolean("avoidBuggyIPs", false),
    settings: readSettings(root, "IPAddressPool"),
    allocation: readAllocation(spec),
  };
  spec.warnUnknown();
  return result;
}

function readAddresses(spec: Fields): readonly AddressRange[] {
  const items = spec.strings("addresses");
  const found = spec.listLength("addresses");
  if (found === 0) spec.error("addresses", say("noAddresses"));
  const ranges: AddressRange[] = [];
  for (const { text, path } of items) {
    const range = parseRange(text);
    if (!range.ok) spec.report.error(path, range.said);
    else if (range.value === null) spec.report.warn(path, range.said);
    else ranges.push({ ...range.value, text, path });
  }
  reportOverlaps(spec, ranges);
  return ranges;
}

function reportOverlaps(spec: Fields, ranges: readonly AddressRange[]): void {
  let widest: AddressRange | undefined;
  for (const range of [...ranges].sort((a, b) => compareIp(a.first, b.first))) {
    if (widest !== undefined && compareIp(range.first, widest.last) <= 0) {
      const [earlier, later] = ranges.indexOf(range) < ranges.indexOf(widest) ? [range, widest] : [widest, range];
      const values = { text: quote(later.text), other: quote(earlier.text), earlier: earlier.path };
      spec.report.error(later.path, say("overlapInPool", values));
    }
    if (widest === undefined || compareIp(range.last, widest.last) > 0) widest = range;
  }
}

function readAllocation(spec: Fields): IPAddressPoolObject["allocation"] {
  const fields = spec.object("serviceAllocation");
  if (fields === null) return null;
  const result = {
    priority: fields.integer("priority", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0,
    namespaces: fields.distinctStrings("namespaces"),
    namespaceSelectors: readSelectors(fields, "namespaceSelectors"),
    serviceSelectors: readSelectors(fields, "serviceSelectors"),
  };
  fields.warnUnknown();
  return result;
}

/** Everything may be absent, the spec too: such an advertisement applies to every pool, node and peer. */
export function readBgpAdvertisement(root: Fields, meta: Meta): BGPAdvertisementObject {
  const spec = root.objectOrEmpty("spec");
  const result: BGPAdvertisementObject = {
    ...meta,
    kind: "BGPAdvertisement",
    aggregationLength: spec.integer("aggregationLength", 1, 32, "32 announces every address on its own.") ?? 32,
    aggregationLengthV6: spec.integer("aggregationLengthV6", 1, 128, "128 announces every address on its own.") ?? 128,
    localPref: spec.integer("localPref", 0, 0xffff_ffff) || null,
    communities: spec.distinctStrings("communities"),
    ipAddressPools: spec.distinctStrings("ipAddressPools"),
    ipAddressPoolSelectors: readSelectors(spec, "ipAddressPoolSelectors"),
    nodeSelectors: readSelectors(spec, "nodeSelectors"),
    peers: spec.distinctStrings("peers"),
    serviceSelectors: readSelectors(spec, "serviceSelectors"),
    settings: readSettings(root, "BGPAdvertisement"),
  };
  if (result.serviceSelectors.length > 0) {
    for (const [key, full] of [["aggregationLength", 32] as const, ["aggregationLengthV6", 128] as const]) {
      if (result[key] === full) continue;
      spec.error(key, say("selectiveAggregate", { full, length: result[key], field: key }));
    }
  }
  spec.warnUnknown();
  return result;
}

/** Defaults are those of FRR's bfdd. */
export function readBfdProfile(root: Fields, meta: Meta): BFDProfileObject {
  const spec = root.objectOrEmpty("spec");
  readSettings(root, "BFDProfile");
  const interval = (key: string, fallback: number): number =>
    spec.integer(key, 10, 60_000, "Milliseconds.") ?? fallback;
  const result: BFDProfileObject = {
    ...meta,
    kind: "BFDProfile",
    receiveInterval: interval("receiveInterval", 300),
    transmitInterval: interval("transmitInterval", 300),
    detectMultiplier: spec.integer("detectMultiplier", 2, 255) ?? 3,
    echoInterval: interval("echoInterval", 50),
    echoMode: spec.boolean("echoMode", false),
    passiveMode: spec.boolean("passiveMode", false),
    minimumTtl: spec.integer("minimumTtl", 1, 254) ?? 254,
  };
  spec.warnUnknown();
  return result;
}

/** What MetalLB checks of it; a BGP speaker does nothing with it. */
export function readL2Advertisement(root: Fields, _meta: Meta): null {
  const spec = root.objectOrEmpty("spec");
  for (const key of ["ipAddressPools", "interfaces"]) spec.distinctStrings(key);
  for (const key of ["ipAddressPoolSelectors", "nodeSelectors", "serviceSelectors"]) readSelectors(spec, key);
  for (const preferred of spec.objects("preferredNodeSelectors")) {
    if (!preferred.has("weight")) preferred.error("weight", say("required", {}, "1 to 100."));
    preferred.integer("weight", 1, 100);
    if (!preferred.has("preference")) preferred.error("preference", say("required", {}, "Give a label selector."));
    else readOneSelector(preferred, "preference");
    preferred.warnUnknown();
  }
  spec.warnUnknown();
  return null;
}

export function readCommunity(root: Fields, meta: Meta): CommunityObject {
  const spec = root.objectOrEmpty("spec");
  readSettings(root, "Community");
  const paths = new Map<string, string>();
  const aliases = spec.objects("communities").map((entry) => {
    const name = entry.requiredString("name", "Name the alias.");
    const earlier = name === null ? undefined : paths.get(name);
    if (earlier !== undefined) {
      entry.error("name", say("twice", { text: quote(name ?? ""), earlier }, "Give every alias its own name."));
    } else if (name !== null) {
      paths.set(name, entry.at("name"));
    }
    const value = entry.requiredString("value", COMMUNITY_FORM);
    if (value !== null) checkCommunity(entry, value);
    entry.warnUnknown();
    return { name: name ?? "", value: value ?? "", path: entry.path };
  });
  spec.warnUnknown();
  return { ...meta, kind: "Community", aliases };
}

const COMMUNITY_FORM = "Write 65000:100, or large:65000:1:2; well-known ones as numbers, no-export is 65535:65281.";

function checkCommunity(entry: Fields, value: string): void {
  const parsed = parseCommunityLiteral(value);
  if (parsed.type === "invalid") entry.error("value", withHint(parsed.said, COMMUNITY_FORM));
  if (parsed.type === "unknownAlias") entry.error("value", say("notACommunity", { text: quote(value) }));
}

// The one door for objects of every source: apiVersion and kind decide which converter reads an object. Owns the table of
// kinds and the texts about kinds and versions. Knows nothing of files or of the API server.
// Contract: never throws; an object with an error is null and its problems say why; what is none of our business (other
// kinds, status kinds) is null without a problem. An L2Advertisement is read for its faults alone: MetalLB would stop for
// them, so they are told, and nothing here depends on them.
import type { Meta, ModelObject } from "../announce/model.ts";
import type { Said } from "../kernel/messages.ts";
import { type ConfigProblem, type ObjectRef, problemOf } from "../kernel/problem.ts";
import { quote } from "../kernel/text.ts";
import { readBgpPeer, readBgpPeerV1beta1 } from "./bgpPeer.ts";
import {
  DEFAULT_NAMESPACE,
  readEndpointSlice,
  readNamespace,
  readNode,
  readSecret,
  readService,
} from "./coreObjects.ts";
import { Fields, isRawObject, type RawObject, Report, spellingHint } from "./fields.ts";
import { say } from "./messages.ts";
import { METALLB_NAMESPACE, readMeta, readRef } from "./metadata.ts";
import {
  readAddressPool,
  readBfdProfile,
  readBgpAdvertisement,
  readCommunity,
  readL2Advertisement,
} from "./metallbCrds.ts";
import { readSitePolicy } from "./sitePolicy.ts";

export interface ReadResult {
  /** null: not one of our kinds, or faulty. */
  readonly object: ModelObject | null;
  /** null: not one of our kinds, or nobody can tell what it is. */
  readonly ref: ObjectRef | null;
  readonly problems: readonly ConfigProblem[];
  /** Where the object stands in what was given: empty, or `items[3]` inside a List. */
  readonly base: string;
}

/** Stands for the namespace that is configured for MetalLB's own objects. */
const HOME = Symbol("home");

interface KindEntry {
  readonly defaultNamespace: string | null | typeof HOME;
  /** Newest version first. */
  readonly versions: ReadonlyMap<string, (root: Fields, meta: Meta) => ModelObject | null>;
}

/** Read for its faults alone; see the head of the file. */
const IDLE_KIND = "L2Advertisement";

const METALLB_GROUP = "metallb.io";
/** What we define ourselves. */
const VIPCAST_GROUP = "vipcast.io";
const V1BETA1 = "metallb.io/v1beta1";

const kind = (
  defaultNamespace: KindEntry["defaultNamespace"],
  ...versions: readonly (readonly [string, (root: Fields, meta: Meta) => ModelObject | null])[]
): KindEntry => ({ defaultNamespace, versions: new Map(versions) });

const KINDS: ReadonlyMap<string, KindEntry> = new Map([
  ["Service", kind(DEFAULT_NAMESPACE, ["v1", readService])],
  ["EndpointSlice", kind(DEFAULT_NAMESPACE, ["discovery.k8s.io/v1", readEndpointSlice])],
  ["Node", kind(null, ["v1", readNode])],
  ["Namespace", kind(null, ["v1", readNamespace])],
  ["Secret", kind(HOME, ["v1", readSecret])],
  ["BGPPeer", kind(HOME, ["metallb.io/v1beta2", readBgpPeer], [V1BETA1, readBgpPeerV1beta1])],
  ["BGPAdvertisement", kind(HOME, [V1BETA1, readBgpAdvertisement])],
  ["IPAddressPool", kind(HOME, [V1BETA1, readAddressPool])],
  ["BFDProfile", kind(HOME, [V1BETA1, readBfdProfile])],
  ["Community", kind(HOME, [V1BETA1, readCommunity])],
  [IDLE_KIND, kind(HOME, [V1BETA1, readL2Advertisement])],
  ["SitePolicy", kind(HOME, [`${VIPCAST_GROUP}/v1alpha1`, readSitePolicy])],
]);

/** Kinds of metallb.io that a BGP speaker has no use for. */
const IGNORED_METALLB_KINDS: ReadonlySet<string> = new Set([
  "ServiceBGPStatus",
  "ServiceL2Status",
  "ConfigurationState",
]);

/**
 * Reads one object, or every object of a List. Empty input (null) gives nothing.
 * @param home the one namespace of MetalLB's objects and their Secrets: what lies elsewhere is not used
 */
export function readObjects(raw: unknown, order: number, home = METALLB_NAMESPACE): readonly ReadResult[] {
  if (raw === null || raw === undefined) return [];
  if (!isRawObject(raw) || !isList(raw)) return [readObject(raw, order, home)];
  const items = Array.isArray(raw.items) ? raw.items : [];
  return items.map((item: unknown, i) => ({ ...readObject(withType(item, raw), order, home), base: `items[${i}]` }));
}

const kindOf = (raw: RawObject): string => (typeof raw.kind === "string" ? raw.kind : "");
const apiVersionOf = (raw: RawObject): string => (typeof raw.apiVersion === "string" ? raw.apiVersion : "");
const isList = (raw: RawObject): boolean =>
  kindOf(raw).endsWith("List") && (Array.isArray(raw.items) || (raw.items ?? null) === null);

/** Items of a typed list (ServiceList) do not name their own type. */
function withType(item: unknown, list: RawObject): unknown {
  if (!isRawObject(item) || item.kind !== undefined || kindOf(list) === "List") return item;
  return { ...item, apiVersion: apiVersionOf(list), kind: kindOf(list).slice(0, -"List".length) };
}

/** @param order position in the order of reading, see Meta.order. @param home as for `readObjects` */
export function readObject(raw: unknown, order: number, home = METALLB_NAMESPACE): ReadResult {
  if (!isRawObject(raw)) {
    return refused(refOfAnything({}, home), "", say("notAnObject"));
  }
  const ref = refOfAnything(raw, home);
  const apiVersion = apiVersionOf(raw);
  if (ref.kind === "") return refused(ref, "kind", say("noKind"));
  if (apiVersion === "") {
    const versions = KINDS.get(ref.kind)?.versions.keys().next().value;
    return refused(
      ref,
      "apiVersion",
      say("required", {}, versions === undefined ? "" : `Write apiVersion: ${versions}.`),
    );
  }
  const entry = KINDS.get(ref.kind);
  const convert = entry?.versions.get(apiVersion);
  if (entry === undefined || convert === undefined) return notReadable(raw, ref, apiVersion, home);
  if (entry.defaultNamespace === HOME && ref.namespace !== home) return elsewhere(ref, home);

  const report = new Report(ref, ref.kind === IDLE_KIND);
  const root = new Fields(raw, report);
  root.ignore("apiVersion", "kind", "status");
  const object = convert(root, readMeta(root, ref, order));
  if (isOurGroup(apiVersion)) root.warnUnknown();
  return { object: report.isRefused ? null : object, ref, problems: report.problems, base: "" };
}

/** As good a name as there is, for problems about the type itself. */
function refOfAnything(raw: RawObject, home: string): ObjectRef {
  const entry = KINDS.get(kindOf(raw));
  const namespace = entry === undefined ? "" : entry.defaultNamespace === HOME ? home : entry.defaultNamespace;
  const ref = readRef(raw, kindOf(raw), namespace);
  return ref.namespace === "" ? { ...ref, namespace: null } : ref;
}

const refused = (ref: ObjectRef, path: string, said: Said): ReadResult => ({
  object: null,
  ref,
  problems: [problemOf(ref, path, said)],
  base: "",
});

/** MetalLB reads its own namespace only (metallb-compat 1); Secrets of others are nobody's mistake. */
function elsewhere(ref: ObjectRef, home: string): ReadResult {
  if (!isMetallbKind(ref.kind) || ref.kind === IDLE_KIND) return NOT_OURS;
  return refused(ref, "metadata.namespace", say("elsewhere", { namespace: ref.namespace ?? "", home }));
}

const NOT_OURS: ReadResult = { object: null, ref: null, problems: [], base: "" };

const groupOf = (apiVersion: string): string =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
const isOurGroup = (apiVersion: string): boolean => [METALLB_GROUP, VIPCAST_GROUP].includes(groupOf(apiVersion));

/** Tells a foreign object, which is silence, from one of ours that is misspelt or of a version we do not read. */
function notReadable(raw: RawObject, ref: ObjectRef, apiVersion: string, home: string): ReadResult {
  const group = groupOf(apiVersion);
  const entry = KINDS.get(ref.kind);
  const groups = new Set([...(entry?.versions.keys() ?? [])].map(groupOf));
  if (
    entry !== undefined &&
    (groups.has(group) || (group === "" && isMetallbKind(ref.kind)) || isNearOurGroup(group))
  ) {
    const versions = [...entry.versions.keys()].join(" or ");
    return refused(
      ref,
      "apiVersion",
      say("unreadVersion", { apiVersion: quote(apiVersion), kind: ref.kind, versions }),
    );
  }
  if (entry !== undefined) return NOT_OURS;
  if (group === METALLB_GROUP) {
    if (IGNORED_METALLB_KINDS.has(ref.kind)) return NOT_OURS;
    const hint =
      ref.kind === "AddressPool"
        ? "AddressPool is gone: write an IPAddressPool and a BGPAdvertisement."
        : spellingHint(ref.kind, [...[...KINDS.keys()].filter(isMetallbKind), ...IGNORED_METALLB_KINDS]);
    return refused(ref, "kind", say("unknownKind", { kind: quote(ref.kind), group: METALLB_GROUP }, hint || kindsHint));
  }
  if (ref.kind === "ConfigMap" && apiVersion === "v1" && ref.name === "bgpextras") return readBgpExtras(raw, ref, home);
  return misspeltCoreKind(ref, apiVersion) ?? NOT_OURS;
}

const isMetallbKind = (name: string): boolean => [...(KINDS.get(name)?.versions.keys() ?? [])].some(isOurGroup);
const isNearOurGroup = (group: string): boolean => group !== "" && spellingHint(group, [METALLB_GROUP]) !== "";
const kindsHint = `There are: ${[...KINDS.keys()].filter(isMetallbKind).join(", ")}.`;

/** Only letter case: `service` is a slip, but `Servic` may be a kind of its own. */
function misspeltCoreKind(ref: ObjectRef, apiVersion: string): ReadResult | null {
  for (const [name, entry] of KINDS) {
    if (name.toLowerCase() !== ref.kind.toLowerCase() || !(entry.versions.has(apiVersion) || isMetallbKind(name))) {
      continue;
    }
    if (!entry.versions.has(apiVersion) && groupOf(apiVersion) !== "") continue;
    const values = { kind: quote(ref.kind), group: apiVersion };
    return refused(ref, "kind", say("unknownKind", values, `Did you mean "${name}"?`));
  }
  return null;
}

/** FRR text cannot be honoured without FRR (metallb-compat 1.11). Said once, and nothing else is affected. */
function readBgpExtras(raw: RawObject, ref: ObjectRef, home: string): ReadResult {
  const data = raw.data;
  const named: ObjectRef = { ...ref, namespace: ref.namespace ?? home };
  if (named.namespace !== home || !isRawObject(data)) return NOT_OURS;
  if (Object.values(data).every((v) => v === "" || v === null)) return NOT_OURS;
  return refused(named, "data", say("bgpExtras"));
}

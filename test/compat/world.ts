// The language of the compatibility tables: manifests as an operator writes them in, what `vipcast check` answers out, in
// lines a person can compare. Owns short forms of manifests and of answers; knows no rule. Contract: everything goes the way of
// the command, from text through ObjectSet to checkReport; `edit` is the next version of the same file.
import type { PlannedPeer } from "../../src/announce/compiled.ts";
import { decideAll } from "../../src/announce/reference.ts";
import { type CheckRoute, type CheckService, checkReport } from "../../src/announce/report.ts";
import type { PeerConfig } from "../../src/bgp/session/config.ts";
import { ObjectSet } from "../../src/sources/objectSet.ts";
import { ObjectStore } from "../../src/sources/store.ts";

/** A document of a manifest file, in YAML. */
export type Doc = string;

const doc = (apiVersion: string, kind: string, metadata: string, body: string): Doc =>
  `{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {${metadata}}, ${body}}`;

const metallb =
  (kind: string, version = "v1beta1") =>
  (name: string, spec = "", metadata = ""): Doc =>
    doc(`metallb.io/${version}`, kind, `name: ${name}, ${metadata}`, `spec: {${spec}}`);

/** Each takes a name, the inner text of `spec`, and more metadata, all in YAML's flow style. */
export const peer = metallb("BGPPeer", "v1beta2");
export const oldPeer = metallb("BGPPeer");
export const adv = metallb("BGPAdvertisement");
export const pool = metallb("IPAddressPool");
export const bfd = metallb("BFDProfile");
export const community = metallb("Community");
export const l2 = metallb("L2Advertisement");

export const node = (name: string, labels = "", status = ""): Doc =>
  doc("v1", "Node", `name: ${name}, labels: {${labels}}`, `status: {${status}}`);

/** @param ips separated by blanks; @param spec more of it, or another `type` */
export const svc = (name: string, ips: string, spec = "", metadata = ""): Doc => {
  const ingress = ips.split(" ").filter((ip) => ip !== "");
  const status = `loadBalancer: {ingress: [${ingress.map((ip) => `{ip: "${ip}"}`).join(", ")}]}`;
  return doc("v1", "Service", `name: ${name}, ${metadata}`, `spec: {type: LoadBalancer, ${spec}}, status: {${status}}`);
};

/** An EndpointSlice of the Service. @param endpoints in flow style */
export const slice = (service: string, endpoints: string, type = "IPv4"): Doc =>
  doc(
    "discovery.k8s.io/v1",
    "EndpointSlice",
    `name: ${service}-${type.toLowerCase()}, labels: {kubernetes.io/service-name: ${service}}`,
    `addressType: ${type}, endpoints: [${endpoints}]`,
  );

/** One ready endpoint on each of the nodes. */
export const ready = (service: string, ...nodes: readonly string[]): Doc =>
  slice(service, nodes.map((n) => `{addresses: [10.0.0.1], nodeName: ${n}}`).join(", "));

/** A Service with an address and a ready endpoint on n1. */
export const web = (ips: string, spec = "", metadata = ""): readonly Doc[] => [
  svc("web", ips, spec, metadata),
  ready("web", "n1"),
];

export const secret = (name: string, body: string, type = "kubernetes.io/basic-auth"): Doc =>
  doc("v1", "Secret", `name: ${name}, namespace: metallb-system`, `type: ${type}, ${body}`);

/** The inner text of a plain BGPPeer's spec; with another address, another peer. */
export const toRouter = (address = "10.0.0.1", myAsn = 64512, peerAsn = 64513): string =>
  `myASN: ${myAsn}, peerASN: ${peerAsn}, peerAddress: "${address}"`;
export const external = toRouter();
export const internal = toRouter("10.0.0.1", 64512, 64512);

/** Node n1, a router `tor`, a pool of 192.0.2.0/24 and 2001:db8::/64, an advertisement of it, and Service default/web. */
export const N1 = node("n1");
export const TOR = peer("tor", external);
export const POOL = pool("p", 'addresses: [192.0.2.0/24, "2001:db8::/64"]');
export const ADV = adv("a");
/** Service default/web at n1, and the route that it gives. */
export const VIP = web("192.0.2.10");
export const ROUTE = "192.0.2.10/32";

export interface World {
  /** What the peer gets: prefix, then `pref=`, `med=`, communities where there are any; ascending. */
  readonly routes: (peer?: string, node?: string) => readonly string[];
  readonly service: (name?: string, node?: string) => CheckService;
  /** The reason; `announced` when there is none. */
  readonly why: (name?: string, node?: string) => string;
  /** `Kind name path`, ascending. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** Message and hint of all problems. */
  readonly texts: string;
  /** The session as the speaker would run it. @throws when it runs none */
  readonly session: (peer: string, node?: string) => PeerConfig;
  /** Why the peer runs none; null when it does, undefined when it does not select the node. */
  readonly trouble: (peer: string, node?: string) => string | null | undefined;
  /** The next version of the file. */
  readonly edit: (...docs: readonly (Doc | readonly Doc[])[]) => World;
  /** The whole answer as JSON. */
  readonly json: string;
}

export interface Flags {
  readonly lbClass?: string;
  readonly ignoreExcludeLb?: boolean;
}

export const given = (...docs: readonly (Doc | readonly Doc[])[]): World => givenWith({}, ...docs);

export function givenWith(flags: Flags, ...docs: readonly (Doc | readonly Doc[])[]): World {
  const store = new ObjectStore();
  return read(new ObjectSet(store), store, flags, docs);
}

function read(set: ObjectSet, store: ObjectStore, flags: Flags, docs: readonly (Doc | readonly Doc[])[]): World {
  set.setFile("all.yaml", docs.flat().join("\n---\n"));
  const options = { lbClass: "", ignoreExcludeLb: false, routerId: null, ...flags };
  const report = checkReport(store, set.problems(), { ...options, nodeName: null });
  const told = (severity: string): readonly string[] =>
    report.problems
      .filter((p) => p.severity === severity)
      .map((p) => `${p.kind} ${p.name} ${p.path}`)
      .sort();
  // at once: the store is another one after the next edit
  const plans = new Map(
    Object.keys(report.nodes).map((nodeName) => [nodeName, decideAll(store, { ...options, nodeName }).peers] as const),
  );
  const planned = (name: string, nodeName: string): PlannedPeer | undefined =>
    plans.get(nodeName)?.find((p) => p.name === name);
  const service = (name = "web", nodeName = "n1"): CheckService => {
    const found = report.nodes[nodeName]?.services[`default/${name}`];
    if (found === undefined) throw new Error(`no Service ${name} at ${nodeName}: ${JSON.stringify(report.problems)}`);
    return found;
  };
  return {
    routes: (name = "tor", nodeName = "n1") => (report.nodes[nodeName]?.peers[name]?.routes ?? []).map(routeText),
    service,
    why: (name, nodeName) => service(name, nodeName).reason ?? "announced",
    errors: told("error"),
    warnings: told("warning"),
    texts: report.problems.map((p) => `${p.message} ${p.hint}`).join("\n"),
    session: (name, nodeName = "n1") => {
      const config = planned(name, nodeName)?.config ?? null;
      if (config === null) throw new Error(`no session ${name}: ${JSON.stringify(report.problems)}`);
      return config;
    },
    trouble: (name, nodeName = "n1") => planned(name, nodeName)?.problem,
    edit: (...next) => read(set, store, flags, next),
    json: JSON.stringify(report),
  };
}

function routeText(r: CheckRoute): string {
  const communities = [...r.communities, ...r.largeCommunities.map((c) => `large:${c}`)];
  return [
    r.prefix,
    ...(r.localPref === null ? [] : [`pref=${r.localPref}`]),
    ...(r.med === null ? [] : [`med=${r.med}`]),
    ...(communities.length === 0 ? [] : [communities.join(",")]),
  ].join(" ");
}

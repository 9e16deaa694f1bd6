// What the interop tests share: a speaker in a lab with a directory of manifests, builders for the objects in it, and the
// questions one asks a router. Owns no expectation of its own. Knows FRR only through lab/frr.ts.
// Contract: files appear and change by rename, as an operator's tools do it; every wait has an end and shows the logs;
// what a test made is gone after it, however it ends.
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach } from "vitest";
import { stringify } from "yaml";
import type { Frr, FrrPeer } from "../../lab/frr.ts";
import type { Host, Lab } from "../../lab/lab.ts";
import { type JsonObject, type LabRoute, listAt, objectAt } from "../../lab/routes.ts";
import { startVipcast, type Vipcast, type VipcastOptions } from "../../lab/vipcast.ts";
import { type LogSource, type WaitOptions, waitFor } from "../../lab/waitFor.ts";

export const NODE = "node-1";
const METALLB = "metallb-system";

/** A router with one session to the speaker; both topologies have this shape at the places where it matters. */
export interface Uplink {
  readonly router: Frr;
  readonly routerAsn: number;
  readonly routerAddress: string;
  readonly speakerAddress: string;
}

/** One document of a manifest. */
export type Manifest = JsonObject;

/** A directory of manifests that is edited while the speaker reads it. */
export class Manifests {
  readonly dir: string;
  readonly #scratch: string;

  /** @param host whose directory holds it */
  constructor(host: Host, name = "manifests") {
    this.dir = join(host.dir, name);
    this.#scratch = join(host.dir, `${name}.scratch`);
    mkdirSync(this.dir);
  }

  path(file: string): string {
    return join(this.dir, file);
  }

  write(file: string, ...documents: readonly Manifest[]): void {
    this.writeText(file, yamlOf(...documents));
  }

  /** In one step: no reader ever sees half a file. */
  writeText(file: string, text: string): void {
    writeFileSync(this.#scratch, text);
    renameSync(this.#scratch, this.path(file));
  }

  remove(file: string): void {
    rmSync(this.path(file));
  }
}

export const yamlOf = (...documents: readonly Manifest[]): string => documents.map((d) => stringify(d)).join("---\n");

/** Makes `track(topology)`, which closes the topology's lab when the test is over. Call once per describe. */
export function labTracker(): <T extends { readonly lab: Lab }>(topology: T) => T {
  const labs: Lab[] = [];
  afterEach(async () => {
    await Promise.all(labs.splice(0).map((lab) => lab.close()));
  });
  return (topology) => {
    labs.push(topology.lab);
    return topology;
  };
}

/** Starts the speaker of a topology on a directory of manifests. */
export const startSpeaker = (host: Host, manifests: Manifests, options: Partial<VipcastOptions> = {}): Vipcast =>
  startVipcast(host, { manifests: manifests.dir, nodeName: NODE, ...options });

// ---- objects

export interface PeerOptions {
  readonly name?: string;
  readonly myAsn?: number;
  readonly holdTime?: string;
  /** More fields of the spec. */
  readonly spec?: JsonObject;
  /** Without `vipcast.io/`. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The BGPPeer for a router of the lab. */
export function bgpPeer(uplink: Pick<Uplink, "routerAsn" | "routerAddress">, options: PeerOptions = {}): Manifest {
  const { name = "tor", myAsn = 65_001, holdTime = "9s", spec = {}, annotations = {} } = options;
  const { routerAsn: peerASN, routerAddress: peerAddress } = uplink;
  const peer = {
    apiVersion: "metallb.io/v1beta2",
    kind: "BGPPeer",
    metadata: { name, namespace: METALLB },
    spec: { myASN: myAsn, peerASN, peerAddress, holdTime, ...spec },
  };
  return annotated(peer, annotations);
}

export const pool = (addresses: readonly string[] = ["198.51.100.0/24"], name = "public"): Manifest => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "IPAddressPool",
  metadata: { name, namespace: METALLB },
  spec: { addresses },
});

export const advertisement = (spec: JsonObject = {}, name = "public"): Manifest => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "BGPAdvertisement",
  metadata: { name, namespace: METALLB },
  spec,
});

export const communities = (aliases: Readonly<Record<string, string>>, name = "names"): Manifest => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "Community",
  metadata: { name, namespace: METALLB },
  spec: { communities: Object.entries(aliases).map(([alias, value]) => ({ name: alias, value })) },
});

export interface ServiceOptions {
  readonly policy?: "Cluster" | "Local";
  readonly labels?: Readonly<Record<string, string>>;
  /** Conditions of the one endpoint. */
  readonly conditions?: Readonly<Record<string, boolean>>;
  /** Node of the one endpoint. */
  readonly node?: string;
}

/** A Service with its address, and an EndpointSlice with one endpoint, ready on our node unless said otherwise. */
export function service(name: string, vip: string, options: ServiceOptions = {}): readonly Manifest[] {
  const { policy = "Cluster", labels = {}, conditions = { ready: true }, node = NODE } = options;
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default", labels },
      spec: { type: "LoadBalancer", externalTrafficPolicy: policy },
      status: { loadBalancer: { ingress: [{ ip: vip }] } },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], nodeName: node, conditions }],
    },
  ];
}

/** Address of the Service `web`, and the route to it. */
export const VIP = "198.51.100.10";
export const ROUTE = `${VIP}/32`;

/** Manifests that announce the Service `web` to all peers, of which there is none so far. */
export function announcingWeb(host: Host): Manifests {
  const manifests = new Manifests(host);
  manifests.write("pool.yaml", pool(), advertisement());
  manifests.write("web.yaml", ...service("web", VIP));
  return manifests;
}

/** The object with annotations. @param values names without `vipcast.io/` */
export function annotated(manifest: Manifest | undefined, values: Readonly<Record<string, string>>): Manifest {
  if (manifest === undefined) throw new Error("nothing to annotate");
  const annotations = Object.fromEntries(Object.entries(values).map(([name, value]) => [`vipcast.io/${name}`, value]));
  return { ...manifest, metadata: { ...objectAt(manifest.metadata), annotations } };
}

// ---- questions to a router; `logs` are shown when the answer does not come

/** Waits until FRR calls the session Established. */
export const established = (uplink: Uplink, logs: readonly LogSource[] = [], timeoutMs = 20_000): Promise<FrrPeer> =>
  peerThat(uplink, "is Established", (p) => p.state === "Established", { logs, timeoutMs });

/** Waits until FRR's view of the session is as wanted. */
export const peerThat = (
  { router, speakerAddress }: Uplink,
  what: string,
  accept: (peer: FrrPeer) => boolean,
  { logs = [], ...options }: WaitOptions = {},
): Promise<FrrPeer> =>
  waitFor(`${router.name}: session that ${what}`, () => router.peer(speakerAddress), accept, {
    ...options,
    logs: [router, ...logs],
  });

/** Waits for the one path to a prefix. @param accept more to be true of it */
export async function routeAt(
  { router }: Uplink,
  prefix: string,
  logs: readonly LogSource[] = [],
  accept: (route: LabRoute) => boolean = () => true,
): Promise<LabRoute> {
  const arrived = (paths: readonly LabRoute[]): boolean => paths[0]?.best === true && accept(paths[0]);
  const paths = await waitFor(`${prefix} at ${router.name}`, () => router.route(prefix), arrived, {
    logs: [router, ...logs],
  });
  const [route] = paths;
  if (route === undefined || paths.length > 1) throw new Error(`${paths.length} paths to ${prefix}`);
  return route;
}

/** Waits until there is no path to a prefix. */
export const goneAt = async (
  { router }: Uplink,
  prefix: string,
  logs: readonly LogSource[] = [],
  timeoutMs = 20_000,
): Promise<void> => {
  const options = { logs: [router, ...logs], timeoutMs };
  await waitFor(
    `no ${prefix} at ${router.name}`,
    () => router.route(prefix),
    (paths) => paths.length === 0,
    options,
  );
};

/** Prefixes in the router's table, sorted as text. */
export const prefixesAt = async ({ router }: Uplink): Promise<readonly string[]> =>
  [...(await router.bgpRoutes()).keys()].sort();

// ---- questions to the speaker

/** What `vipcast peers --json` says, by name. */
export async function peersOf(vipcast: Vipcast): Promise<ReadonlyMap<string, JsonObject>> {
  const { peers } = objectAt(JSON.parse(await vipcast.cli("peers", "--json", "--socket", vipcast.socket)));
  return new Map(listAt(peers).map((p) => [String(objectAt(p).name), objectAt(p)]));
}

/** Waits for a line in the speaker's log. */
export async function logLine(
  vipcast: Vipcast,
  what: string,
  accept: (line: JsonObject) => boolean,
  options: WaitOptions = {},
): Promise<JsonObject> {
  const find = (): JsonObject | undefined => vipcast.logs().find(accept);
  const line = await waitFor(`log line: ${what}`, find, (l) => l !== undefined, { logs: [vipcast], ...options });
  return line ?? {};
}

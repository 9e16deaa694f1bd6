// The cluster of the kube bench: an API server in a process of its own, its objects, and the program that follows it. Owns the shape of
// the objects and the command lines. Knows no stop watch. Contract: every Service has its address and one slice with three endpoints, of
// which the one on NODE decides (policy Local); fat objects carry as much beside that as in clusters that people use.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LabApiServer } from "../../lab/apiServer.ts";
import type { LabProcess } from "../../lab/process.ts";
import type { Workshop } from "../children.ts";
import { addressOf, dottedQuad } from "../inject/table.ts";
import { SINK_ASN } from "../sink.ts";

export const NODE = "node-1";
const HOME = "metallb-system";
type Manifest = Readonly<Record<string, unknown>>;

/** Octets that each fat object has in an annotation: what kubectl and managedFields make of it in real clusters. */
const FAT_OCTETS = 3_072;

export class Cluster {
  readonly api: LabApiServer;
  /** Octets of all Services and slices as a list of the server has them. */
  readonly listOctets: number;
  readonly #workshop: Workshop;
  readonly #isFat: boolean;
  /** Where the program last started tells its metrics. */
  #metrics = "";

  private constructor(workshop: Workshop, api: LabApiServer, listOctets: number, isFat: boolean) {
    this.#workshop = workshop;
    this.api = api;
    this.listOctets = listOctets;
    this.#isFat = isFat;
  }

  /** @param services how many there are @param sinkPort of the peer */
  static async create(workshop: Workshop, services: number, sinkPort: number, isFat = false): Promise<Cluster> {
    const api = await LabApiServer.start({ dir: workshop.dir, start: (command) => workshop.start(command) });
    await api.applyDefinitions("metallb", "vipcast");
    await api.apply(...configuration(sinkPort));
    const objects = Array.from({ length: services }, (_, i) => [service(i, isFat), slice(i, true, isFat)]).flat();
    await api.apply(...objects);
    const octets = async (kind: string): Promise<number> => JSON.stringify(await api.list(kind)).length;
    return new Cluster(workshop, api, (await octets("Service")) + (await octets("EndpointSlice")), isFat);
  }

  /** The program, built beside this bench. @param doors number from which its own ports are made */
  async start(doors: number): Promise<LabProcess> {
    const kubeconfig = join(this.#workshop.dir, "kubeconfig");
    const config = {
      "current-context": "bench",
      contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
      clusters: [{ name: "bench", cluster: { server: await this.api.url() } }],
      users: [{ name: "bench", user: {} }],
    };
    writeFileSync(kubeconfig, JSON.stringify(config));
    const program = join(dirname(fileURLToPath(import.meta.url)), "main.js");
    this.#metrics = `127.0.0.1:${doors + 6_001}`;
    const ports = ["--socket", join(this.#workshop.dir, "socket"), "--metrics", this.#metrics];
    const source = ["--kubeconfig", kubeconfig, "--node-name", NODE];
    return this.#workshop.start([process.execPath, program, "speaker", ...source, ...ports]);
  }

  /** Objects of the program last started that are not as they should be, by its own word. */
  async pendingReports(): Promise<number> {
    const answer = await (await fetch(`http://${this.#metrics}/metrics`)).text();
    const value = /^vipcast_kube_reports_pending (\d+)$/m.exec(answer)?.[1];
    if (value === undefined) throw new Error("the program has no metric vipcast_kube_reports_pending");
    return Number(value);
  }

  /** The endpoint on NODE. @returns monotonic nanoseconds at which the server took the change */
  flip(i: number, isReady: boolean): Promise<bigint> {
    return this.api.apply(slice(i, isReady, this.#isFat));
  }
}

function configuration(sinkPort: number): readonly Manifest[] {
  const own = (kind: string, name: string, version: string, spec: Manifest): Manifest => ({
    apiVersion: `metallb.io/${version}`,
    kind,
    metadata: { name, namespace: HOME },
    spec,
  });
  const peer = { myASN: 65_001, peerASN: SINK_ASN, peerAddress: "127.0.0.1", sourceAddress: "127.0.0.2" };
  return [
    { apiVersion: "v1", kind: "Node", metadata: { name: NODE } },
    own("BGPPeer", "sink", "v1beta2", { ...peer, peerPort: sinkPort }),
    own("IPAddressPool", "bench", "v1beta1", { addresses: ["10.0.0.0/8"] }),
    own("BGPAdvertisement", "bench", "v1beta1", { ipAddressPools: ["bench"], communities: ["65001:100"] }),
  ];
}

function metadata(name: string, isFat: boolean, labels: Manifest = {}): Manifest {
  if (!isFat) return { name, namespace: "default", labels };
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "x".repeat(FAT_OCTETS) };
  return { name, namespace: "default", labels, annotations };
}

const service = (i: number, isFat: boolean): Manifest => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: metadata(`service-${i}`, isFat),
  spec: {
    type: "LoadBalancer",
    externalTrafficPolicy: "Local",
    selector: { app: `service-${i}` },
    ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP", nodePort: 30_000 }],
  },
  status: { loadBalancer: { ingress: [{ ip: dottedQuad(addressOf(i)) }] } },
});

const slice = (i: number, isReady: boolean, isFat: boolean): Manifest => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: metadata(`service-${i}-1`, isFat, { "kubernetes.io/service-name": `service-${i}` }),
  addressType: "IPv4",
  endpoints: [1, 2, 3].map((n) => ({
    addresses: [`192.0.2.${n}`],
    nodeName: `node-${n}`,
    conditions: { ready: n > 1 || isReady, serving: n > 1 || isReady, terminating: false },
    targetRef: { kind: "Pod", namespace: "default", name: `service-${i}-${n}` },
  })),
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
});

// What announces the VIP from a worker: vipcast with manifests of its own, or FRR as people use it today. Owns their
// configuration. Knows nothing of scenarios. Contract: the same session parameters for both: iBGP, MD5, BFD 200 ms,
// hold time 3 s, keepalive 1 s.
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Frr, startFrr } from "../lab/frr.ts";
import { ASN, BFD, BFD_INTERVAL, PASSWORD, POOLS, VIP, VIP_PREFIX, type Worker } from "../lab/topologies/twoSites.ts";
import { startVipcast, type Vipcast } from "../lab/vipcast.ts";

export type SpeakerKind = "vipcast" | "frr";

export interface SpeakerSetup {
  /** Whether the service has its endpoint on this worker from the start. */
  readonly serves: boolean;
  /** Communities of the VIP's route, e.g. a rank. */
  readonly communities?: readonly string[];
  /** The router keeps the routes while the speaker restarts. */
  readonly gracefulRestart?: boolean;
  readonly extraArgs?: readonly string[];
  /** More documents beside the usual ones, by file name. vipcast only. */
  readonly extraManifests?: Readonly<Record<string, string>>;
}

/** The thing that announces, on one worker. */
export interface WorkerSpeaker {
  readonly kind: SpeakerKind;
  start(): Promise<void>;
  /** Planned end. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** The service gets or loses its endpoint on this worker. */
  serve(isOn: boolean): Promise<void>;
  logTail(lines?: number): string;
}

export const speakerOn = (
  kind: SpeakerKind,
  worker: Worker,
  setup: SpeakerSetup,
): WorkerSpeaker & { readonly kind: SpeakerKind } =>
  kind === "frr" ? new FrrSpeaker(worker, setup) : new VipcastSpeaker(worker, setup);

export class VipcastSpeaker implements WorkerSpeaker {
  readonly kind = "vipcast";
  readonly #worker: Worker;
  readonly #setup: SpeakerSetup;
  readonly #manifests: string;
  readonly #state: string;
  #vipcast: Vipcast | null = null;

  constructor(worker: Worker, setup: SpeakerSetup) {
    this.#worker = worker;
    this.#setup = setup;
    this.#manifests = join(worker.host.dir, "manifests");
    this.#state = join(worker.host.dir, "state");
    for (const dir of [this.#manifests, this.#state]) mkdirSync(dir, { recursive: true });
    for (const [name, text] of Object.entries({ ...manifestsOf(worker, setup), ...setup.extraManifests }))
      this.write(name, text);
    this.write("endpoints.yaml", endpoints(worker, setup.serves));
  }

  /** The running process. @throws Error when it was not started */
  get vipcast(): Vipcast {
    if (this.#vipcast === null) throw new Error(`the speaker of ${this.#worker.name} was not started`);
    return this.#vipcast;
  }

  /** Puts a manifest in place, as careful programs do it. */
  write(name: string, text: string): void {
    const temporary = join(this.#manifests, `.${name}`);
    writeFileSync(temporary, text);
    renameSync(temporary, join(this.#manifests, name));
  }

  remove(name: string): void {
    rmSync(join(this.#manifests, name), { force: true });
  }

  async start(): Promise<void> {
    this.#vipcast = startVipcast(this.#worker.host, {
      manifests: this.#manifests,
      nodeName: this.#worker.name,
      extraArgs: ["--state-dir", this.#state, ...(this.#setup.extraArgs ?? [])],
    });
  }

  /** Runs a command of the program against this daemon, e.g. `cli("drain", "--wait")`. @returns stdout @throws CommandError */
  cli(...args: readonly string[]): Promise<string> {
    return this.vipcast.cli(...args, "--socket", this.vipcast.socket);
  }

  async stop(): Promise<void> {
    await this.vipcast.stop("SIGTERM", 60_000);
  }

  async kill(): Promise<void> {
    await this.vipcast.stop("SIGKILL");
  }

  async serve(isOn: boolean): Promise<void> {
    this.write("endpoints.yaml", endpoints(this.#worker, isOn));
  }

  logTail(lines?: number): string {
    return this.#vipcast?.logTail(lines) ?? "";
  }
}

function manifestsOf(worker: Worker, setup: SpeakerSetup): Readonly<Record<string, string>> {
  const pool = (name: string, addresses: string, autoAssign: boolean): string => `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: ${name}, namespace: metallb-system }
spec:
  addresses: ["${addresses}"]
  autoAssign: ${autoAssign}
`;
  return {
    "node.yaml": `apiVersion: v1
kind: Node
metadata:
  name: ${worker.name}
  labels: { kubernetes.io/hostname: ${worker.name}, topology.kubernetes.io/zone: ${worker.site} }
status:
  addresses: [{ type: InternalIP, address: ${worker.address} }]
`,
    "pools.yaml": [
      pool("manual", POOLS.manual, false),
      pool("automatic", POOLS.automatic, true),
      pool("single", POOLS.single, false),
    ].join("---\n"),
    "peer.yaml": `apiVersion: v1
kind: Secret
metadata: { name: router-key, namespace: metallb-system }
type: kubernetes.io/basic-auth
stringData: { password: ${PASSWORD} }
---
apiVersion: metallb.io/v1beta1
kind: BFDProfile
metadata: { name: site, namespace: metallb-system }
spec: { transmitInterval: ${BFD_INTERVAL}, receiveInterval: ${BFD_INTERVAL}, detectMultiplier: 3 }
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: { name: router, namespace: metallb-system }
spec:
  myASN: ${ASN}
  peerASN: ${ASN}
  peerAddress: ${worker.routerAddress}
  holdTime: 3s
  keepaliveTime: 1s
  bfdProfile: site
  passwordSecret: { name: router-key }
  enableGracefulRestart: ${setup.gracefulRestart === true}
  nodeSelectors: [{ matchLabels: { topology.kubernetes.io/zone: ${worker.site} } }]
`,
    "advertisement.yaml": `apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: vips, namespace: metallb-system }
spec:
  communities: ${JSON.stringify(setup.communities ?? [])}
`,
    "service.yaml": `apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { type: LoadBalancer, externalTrafficPolicy: Local }
status: { loadBalancer: { ingress: [{ ip: ${VIP} }] } }
`,
  };
}

const endpoints = (worker: Worker, isReady: boolean): string => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints:
  - addresses: [${worker.address}]
    nodeName: ${worker.name}
    conditions: { ready: ${isReady} }
`;

export class FrrSpeaker implements WorkerSpeaker {
  readonly kind = "frr";
  readonly #worker: Worker;
  readonly #setup: SpeakerSetup;
  #frr: Frr | null = null;
  #serves: boolean;

  constructor(worker: Worker, setup: SpeakerSetup) {
    this.#worker = worker;
    this.#setup = setup;
    this.#serves = setup.serves;
  }

  async start(): Promise<void> {
    if (this.#frr !== null) return this.#frr.start();
    const { routerAddress, address } = this.#worker;
    const communities = this.#setup.communities ?? [];
    const bgpd = `
route-map OUT permit 10
${communities.map((c) => ` set community ${c}\n`).join("")}exit
router bgp ${ASN}
 bgp router-id ${address}
${this.#setup.gracefulRestart === true ? " bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n" : ""} no bgp network import-check
 neighbor ${routerAddress} remote-as ${ASN}
 neighbor ${routerAddress} password ${PASSWORD}
 neighbor ${routerAddress} timers 1 3
 neighbor ${routerAddress} timers connect 1
 neighbor ${routerAddress} bfd
 neighbor ${routerAddress} bfd profile site
 address-family ipv4 unicast
${this.#serves ? `  network ${VIP_PREFIX}\n` : ""}  neighbor ${routerAddress} route-map OUT out
 exit-address-family
exit
`;
    this.#frr = await startFrr(this.#worker.host, { bgpd, bfdd: BFD });
  }

  async stop(): Promise<void> {
    await this.#frr?.stop();
  }

  async kill(): Promise<void> {
    await this.#frr?.kill();
  }

  async serve(isOn: boolean): Promise<void> {
    if (isOn === this.#serves) return;
    this.#serves = isOn;
    const line = `${isOn ? "" : "no "}network ${VIP_PREFIX}`;
    await this.#frr?.configure([`router bgp ${ASN}`, "address-family ipv4 unicast", line]);
  }

  logTail(lines?: number): string {
    return this.#frr?.logTail(lines) ?? "";
  }
}

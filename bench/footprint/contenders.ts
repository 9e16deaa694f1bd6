// Who is weighed by the footprint bench, each with two eBGP peers and one route for both. Owns their configuration and what they consist
// of. Knows no scales. Contract: `start` begins everything anew on the lab's speaker host and resolves when the commands are given, not
// when the route is there; `pids` are all processes that the program consists of.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LabApiServer } from "../../lab/apiServer.ts";
import { Bird } from "../../lab/bird.ts";
import { Frr } from "../../lab/frr.ts";
import { Gobgp } from "../../lab/gobgp.ts";
import type { TwoRouters } from "../../lab/topologies/twoRouters.ts";
import { startVipcast, type Vipcast } from "../../lab/vipcast.ts";
import type { Who } from "../report.ts";

export const PREFIX = "198.51.100.1/32";
const VIP = "198.51.100.1";
const NODE = "node-1";
const HOME = "metallb-system";

export interface Contender {
  readonly who: Who;
  /** Told apart where one program is weighed in two ways. */
  readonly way: string;
  start(): Promise<void>;
  pids(): readonly number[];
  stop(): Promise<void>;
}

type Manifest = Readonly<Record<string, unknown>>;

/** What vipcast announces from, whichever source it comes by. */
function objects({ left, right }: TwoRouters): readonly Manifest[] {
  const own = (kind: string, name: string, version: string, spec: Manifest): Manifest => ({
    apiVersion: `metallb.io/${version}`,
    kind,
    metadata: { name, namespace: HOME },
    spec,
  });
  const peer = (name: string, peerASN: number, peerAddress: string): Manifest =>
    own("BGPPeer", name, "v1beta2", { myASN: 65_001, peerASN, peerAddress, holdTime: "90s" });
  return [
    { apiVersion: "v1", kind: "Node", metadata: { name: NODE } },
    peer("left", left.routerAsn, left.routerAddress),
    peer("right", right.routerAsn, right.routerAddress),
    own("IPAddressPool", "bench", "v1beta1", { addresses: ["198.51.100.0/24"] }),
    own("BGPAdvertisement", "bench", "v1beta1", {}),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
      status: { loadBalancer: { ingress: [{ ip: VIP }] } },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], nodeName: NODE, conditions: { ready: true } }],
      ports: [{ port: 80 }],
    },
  ];
}

class VipcastContender implements Contender {
  readonly who = "vipcast";
  readonly way: string;
  readonly #launch: () => Vipcast;
  #running: Vipcast | null = null;

  constructor(way: string, launch: () => Vipcast) {
    this.way = way;
    this.#launch = launch;
  }

  async start(): Promise<void> {
    this.#running = this.#launch();
  }

  pids(): readonly number[] {
    return this.#running === null ? [] : [this.#running.process.pid];
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }
}

export function vipcastOnManifests(stage: TwoRouters): Contender {
  const manifests = join(stage.speaker.dir, "manifests");
  mkdirSync(manifests);
  // JSON is YAML
  for (const [i, object] of objects(stage).entries())
    writeFileSync(join(manifests, `${i}.yaml`), JSON.stringify(object));
  return new VipcastContender("", () => startVipcast(stage.speaker, { manifests, nodeName: NODE }));
}

/** The API server stands on a host of its own. */
export async function vipcastInCluster(stage: TwoRouters): Promise<Contender> {
  const host = stage.lab.host("api");
  stage.lab.link(stage.speaker, host, { addressA: "203.0.113.1/30", addressB: "203.0.113.2/30" });
  const start = ([program = "", ...args]: readonly string[]) => host.spawn(program, args, { name: "api" });
  const api = await LabApiServer.start({ dir: host.dir, start }, { address: "203.0.113.2" });
  await api.applyDefinitions("metallb", "vipcast");
  await api.apply(...objects(stage));
  const config = {
    "current-context": "bench",
    contexts: [{ name: "bench", context: { cluster: "bench", user: "bench" } }],
    clusters: [{ name: "bench", cluster: { server: await api.url() } }],
    users: [{ name: "bench", user: {} }],
  };
  const kubeconfig = stage.speaker.writeFile("kubeconfig", JSON.stringify(config));
  return new VipcastContender(", from an API server", () =>
    startVipcast(stage.speaker, { kubeconfig, nodeName: NODE }),
  );
}

/** As a router image runs it: zebra, bfdd, bgpd. */
export function frr({ speaker, left, right }: TwoRouters): Contender {
  const bgpd = [
    "router bgp 65001",
    " bgp router-id 192.0.2.1",
    " no bgp ebgp-requires-policy",
    " no bgp network import-check",
    ...[left, right].flatMap(({ routerAddress, routerAsn }) => [
      ` neighbor ${routerAddress} remote-as ${routerAsn}`,
      ` neighbor ${routerAddress} timers connect 1`,
    ]),
    " address-family ipv4 unicast",
    `  network ${PREFIX}`,
    " exit-address-family",
    "exit",
  ].join("\n");
  const router = new Frr(speaker, { bgpd, bfdd: "" });
  return {
    who: "frr",
    way: "",
    start: () => router.start(),
    pids: () => [...router.pids.values()],
    stop: () => router.stop(),
  };
}

export function bird({ speaker, left, right }: TwoRouters): Contender {
  const session = ({ speakerAddress, routerAddress, routerAsn }: TwoRouters["left"], name: string): string =>
    `protocol bgp ${name} {
  local ${speakerAddress} as 65001;
  neighbor ${routerAddress} as ${routerAsn};
  connect delay time 0;
  ipv4 { import none; export all; next hop self; };
}`;
  const config = `router id 192.0.2.1;
protocol device { }
protocol bfd { }
protocol static { ipv4; route ${PREFIX} blackhole; }
${session(left, "left")}
${session(right, "right")}`;
  const router = new Bird(speaker, config);
  return {
    who: "bird",
    way: "",
    start: () => router.start(),
    pids: () => (router.pid === null ? [] : [router.pid]),
    stop: () => router.stop(),
  };
}

/** Its configuration has no routes: the route is added when it answers. */
export function gobgp({ speaker, left, right }: TwoRouters): Contender {
  const neighbor = ({ routerAddress, routerAsn }: TwoRouters["left"]): string => `[[neighbors]]
  [neighbors.config]
    neighbor-address = "${routerAddress}"
    peer-as = ${routerAsn}
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
`;
  const global = `[global.config]\n  as = 65001\n  router-id = "192.0.2.1"\n`;
  const router = new Gobgp(speaker, `${global}${neighbor(left)}${neighbor(right)}`);
  return {
    who: "gobgp",
    way: "",
    start: async () => {
      await router.start();
      await router.gobgp("global", "rib", "add", PREFIX);
    },
    pids: () => (router.pid === null ? [] : [router.pid]),
    stop: () => router.stop(),
  };
}

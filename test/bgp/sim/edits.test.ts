// Random edits of manifests of every kind, through intake, object set, decision and speaker, to real sessions on a simulated network: a
// session is reset if and only if the edit changes what its OPEN or its socket shows, and the tables at the routers stay those of the
// plain reference. What OPEN and socket show stands here once more (`shown`), from the RFCs, not from the code under test.
// VIPCAST_SIM_EDITS sets the number of edits for long runs.
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { DecisionEngine } from "../../../src/announce/engine.ts";
import { decideAll } from "../../../src/announce/reference.ts";
import type { Ip } from "../../../src/kernel/ip.ts";
import { Asn, PeerName, RouterId } from "../../../src/kernel/units.ts";
import { ObjectSet } from "../../../src/sources/objectSet.ts";
import { ObjectStore } from "../../../src/sources/store.ts";
import { address, configWith } from "../session/fixtures.ts";
import { routeText, station, tableAt } from "./speakers.ts";
import { WireTap } from "./wire.ts";
import { World } from "./world.ts";

const EDITS = Number(process.env.VIPCAST_SIM_EDITS ?? 400);
const SEED = Number(process.env.VIPCAST_SIM_SEED ?? 1);

const NODE = address(192, 0, 2, 1);
const ROUTERS: readonly { readonly name: string; readonly at: Ip; readonly text: string; readonly asn: number }[] = [
  { name: "tor", at: address(192, 0, 2, 2), text: "192.0.2.2", asn: 65_002 },
  { name: "edge", at: address(192, 0, 2, 3), text: "192.0.2.3", asn: 65_003 },
];

/** A manifest as plain values, edited in place of a file. */
type Spec = Record<string, unknown>;
interface PeerState {
  readonly spec: Spec;
  readonly annotations: Record<string, string>;
}
interface State {
  readonly peers: Record<string, PeerState>;
  secret: string;
  nodeIp: string;
}

/** What the OPEN and the socket of a session show. The keepalive time is in neither. */
function shown({ spec, annotations }: PeerState, state: State): string {
  const seconds = (text: unknown): number | null => (typeof text === "string" ? Number(text.replace("s", "")) : null);
  const [hold, keepalive] = [seconds(spec.holdTime), seconds(spec.keepaliveTime)];
  const open = {
    asn: spec.myASN,
    holdTime: hold ?? (keepalive === null ? 180 : 3 * keepalive), // metallb-compat 3.1
    identifier: spec.routerID ?? state.nodeIp,
    families: spec.dualStackAddressFamily === true ? 2 : 1,
    restart: spec.enableGracefulRestart === true ? (annotations["vipcast.io/restart-time"] ?? "default") : null,
  };
  const socket = {
    port: spec.peerPort ?? 179,
    source: spec.sourceAddress ?? null,
    md5: spec.passwordSecret === undefined ? (spec.password ?? null) : state.secret,
    ttl: spec.ebgpMultiHop === true ? "multihop" : (annotations["vipcast.io/gtsm-hops"] ?? "one"),
  };
  return JSON.stringify({ open, socket });
}

test(
  `${EDITS} random edits reset no session but those whose OPEN or socket they change, seed ${SEED}`,
  () => {
    const world = new World(SEED, { latency: [0, 2] });
    const tap = new WireTap();
    world.tap = tap;
    const node = station(world, NODE);
    const routers = ROUTERS.map((r) => {
      const router = station(world, r.at);
      const towardsUs = { name: PeerName("node"), address: NODE, localAsn: Asn(r.asn), peerAsn: "external" as const };
      const families = ["ipv4-unicast", "ipv6-unicast"] as const;
      router.speaker.setPeers([configWith({ ...towardsUs, routerId: RouterId(r.at.w0), opens: "peer", families })]);
      return { ...r, router };
    });
    const pick = <T>(values: readonly T[]): T => values[world.pick(0, values.length - 1)] as T;

    const store = new ObjectStore();
    const set = new ObjectSet(store);
    const options = { nodeName: "n1", lbClass: "", ignoreExcludeLb: false, routerId: null };
    const engine = new DecisionEngine(store, options, {
      peersChanged: (peers) => node.speaker.setPeers(peers.flatMap((p) => (p.config === null ? [] : [p.config]))),
      setRoute: (peer, prefix, attributes) => node.speaker.setRoute(peer, prefix, attributes),
      serviceChanged() {},
      problemsChanged() {},
    });

    const metallb = (kind: string, name: string, spec: Spec, annotations = {}, version = "v1beta1"): Spec => ({
      apiVersion: `metallb.io/${version}`,
      kind,
      metadata: { name, namespace: "metallb-system", annotations },
      spec,
    });
    const put = (file: string, ...documents: readonly Spec[]): void =>
      engine.apply(set.setFile(file, documents.map((d) => stringify(d)).join("---\n")));

    const state: State = { peers: {}, secret: "first", nodeIp: "192.0.2.1" };
    for (const r of routers) {
      state.peers[r.name] = { spec: { myASN: 65_001, peerASN: r.asn, peerAddress: r.text }, annotations: {} };
    }
    const names = Object.keys(state.peers);
    let broken = "";
    const writePeers = (): void => {
      for (const [name, p] of Object.entries(state.peers)) {
        const spec = name === broken ? { ...p.spec, holdTime: "1s" } : p.spec;
        put(`peer-${name}.yaml`, metallb("BGPPeer", name, spec, p.annotations, "v1beta2"));
      }
    };
    const writeSecret = (): void =>
      put("secret.yaml", {
        apiVersion: "v1",
        kind: "Secret",
        type: "kubernetes.io/basic-auth",
        metadata: { name: "pw", namespace: "metallb-system" },
        stringData: { password: state.secret },
      });
    const writeNode = (rack: string): void =>
      put("node.yaml", {
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: "n1", labels: { "kubernetes.io/hostname": "n1", rack } },
        status: { addresses: [{ type: "InternalIP", address: state.nodeIp }] },
      });
    const writeService = (n: number, vip: string, policy: string): void =>
      put(`service-${n}.yaml`, {
        apiVersion: "v1",
        kind: "Service",
        metadata: {
          name: `s${n}`,
          labels: { app: pick(["x", "y"]) },
          annotations: pick([{}, { "vipcast.io/med": "7" }]),
        },
        spec: { type: "LoadBalancer", externalTrafficPolicy: policy },
        status: { loadBalancer: { ingress: [{ ip: vip }] } },
      });
    const writeSlice = (n: number, ready: boolean): void =>
      put(`slice-${n}.yaml`, {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `s${n}-1`, labels: { "kubernetes.io/service-name": `s${n}` } },
        addressType: "IPv4",
        endpoints: [{ addresses: ["10.0.0.1"], nodeName: "n1", conditions: { ready } }],
      });
    const writePools = (first: string, labels: Spec = {}): void => {
      const pool = metallb("IPAddressPool", "p", { addresses: [first] });
      put("pools.yaml", { ...pool, metadata: { ...(pool.metadata as Spec), labels } });
    };
    const writeAdvertisement = (n: number, spec: Spec): void =>
      put(`adv-${n}.yaml`, metallb("BGPAdvertisement", `a${n}`, spec));
    const writeProfile = (interval: number): void =>
      put("bfd.yaml", metallb("BFDProfile", "quick", { receiveInterval: interval }));
    const writeCommunity = (value: string): void =>
      put("community.yaml", metallb("Community", "c", { communities: [{ name: "alias", value }] }));

    const vips = Array.from({ length: 12 }, (_, i) => `198.51.100.${i + 1}`);
    const service = () => world.pick(0, 7);
    /** Sets a field of some peer to one of the values; undefined takes it away. */
    const field = (name: string, values: readonly unknown[]) => () => {
      const { spec } = state.peers[pick(names)] as PeerState;
      const value = pick(values);
      if (value === undefined) delete spec[name];
      else spec[name] = value;
    };
    const annotation = (name: string, values: readonly (string | undefined)[]) => () => {
      const { annotations } = state.peers[pick(names)] as PeerState;
      const value = pick(values);
      if (value === undefined) delete annotations[`vipcast.io/${name}`];
      else annotations[`vipcast.io/${name}`] = value;
    };
    const peerEdits: readonly (() => void)[] = [
      field("myASN", [65_001, 65_009]),
      field("holdTime", [undefined, "180s", "90s", "30s"]),
      field("keepaliveTime", [undefined, "5s"]),
      field("connectTime", [undefined, "3s", "7s"]),
      field("routerID", [undefined, "192.0.2.1", "10.9.9.9"]),
      field("sourceAddress", [undefined, "192.0.2.1"]),
      field("dualStackAddressFamily", [undefined, false, true]),
      field("enableGracefulRestart", [undefined, false, true]),
      field("disableMP", [undefined, true]),
      field("bfdProfile", [undefined, "quick"]),
      field("nodeSelectors", [undefined, [{ matchLabels: { "kubernetes.io/hostname": "n1" } }]]),
      () => {
        const { spec, annotations } = state.peers[pick(names)] as PeerState;
        delete annotations["vipcast.io/gtsm-hops"]; // refused beside ebgpMultiHop
        spec.ebgpMultiHop = pick([true, false]);
      },
      () => {
        const { spec, annotations } = state.peers[pick(names)] as PeerState;
        delete spec.ebgpMultiHop;
        annotations["vipcast.io/gtsm-hops"] = pick(["1", "2"]);
      },
      () => {
        const { spec } = state.peers[pick(names)] as PeerState;
        for (const name of ["password", "passwordSecret"]) delete spec[name];
        Object.assign(
          spec,
          pick([{}, { password: "first" }, { password: "second" }, { passwordSecret: { name: "pw" } }]),
        );
      },
      annotation("restart-time", [undefined, "60", "90"]),
      annotation("send-hold-time", [undefined, "60", "600"]),
      annotation("max-prefixes", [undefined, "1000"]),
      annotation("keep-received", [undefined, "true"]),
      annotation("opens", [undefined, "us", "both"]),
      annotation("next-hop", [undefined, "192.0.2.77"]),
      () => {
        broken = pick(["", ...names]); // refused: the last good version stays in force, also of what is edited meanwhile
      },
    ];
    const otherEdits: readonly (() => void)[] = [
      () => writeService(service(), pick(vips), pick(["Local", "Cluster"])),
      () => writeSlice(service(), pick([true, false])),
      () => engine.apply(set.removeFile(`service-${service()}.yaml`)),
      () => engine.apply(set.removeFile(`slice-${service()}.yaml`)),
      () => writePools(pick(["198.51.100.0/24", "198.51.100.0/29", "203.0.113.0/24"]), pick([{}, { tier: "a" }])),
      () =>
        writeAdvertisement(1, { aggregationLength: pick([32, 24, 30]), communities: pick([[], ["alias"], ["0:7"]]) }),
      () => writeAdvertisement(2, { localPref: pick([100, 200]), peers: pick([["tor"], ["edge"], []]) }),
      () =>
        writeAdvertisement(3, { serviceSelectors: [{ matchLabels: { app: pick(["x", "y"]) } }], communities: ["0:9"] }),
      () => engine.apply(set.removeFile(`adv-${world.pick(1, 3)}.yaml`)),
      () => writeCommunity(pick(["0:1", "0:2", "nonsense"])),
      () => writeProfile(pick([300, 400])),
      () => writeNode(pick(["r1", "r2"])),
      () =>
        put("namespace.yaml", {
          apiVersion: "v1",
          kind: "Namespace",
          metadata: { name: "default", labels: { l: pick(["1", "2"]) } },
        }),
      () => engine.apply(set.setFile("rubbish.yaml", pick(["a: [", "kind: BGPPeer\n", "", "a: b"]))),
      () => {
        state.secret = pick(["first", "second"]);
        writeSecret();
      },
      () => {
        if (world.pick(0, 9) === 0) state.nodeIp = pick(["192.0.2.1", "192.0.2.101"]);
        writeNode("r1");
      },
    ];

    const settle = (): void => {
      while (!engine.run()) {}
      node.speaker.flush(true);
    };
    let told: readonly string[] = [];
    const ends = (): string[] => {
      told = node.watch.log.splice(0);
      return told.filter((line) => line.includes("Established ->"));
    };
    const isUp = (): boolean =>
      [...node.speaker.peers()].filter((p) => p.stateName === "Established").length === names.length;

    writeSecret();
    writeNode("r1");
    writePools("198.51.100.0/24");
    writeProfile(300);
    writeAdvertisement(1, {});
    for (let n = 0; n < 8; n++) {
      writeService(n, vips[n] as string, "Local");
      writeSlice(n, true);
    }
    writePeers();
    settle();
    world.run(60_000);
    expect(isUp()).toBe(true);
    ends();

    const inForce = new Map(names.map((name) => [name, shown(state.peers[name] as PeerState, state)]));
    /** What each peer's own manifest said when it was last valid: a broken one leaves that in force. */
    const lastGood = new Map(names.map((name) => [name, structuredClone(state.peers[name] as PeerState)]));
    let resets = 0;
    for (let n = 0; n < EDITS; n++) {
      const isPeerEdit = world.pick(0, 1) === 0;
      pick(isPeerEdit ? peerEdits : otherEdits)();
      writePeers();
      for (const name of names)
        if (name !== broken) lastGood.set(name, structuredClone(state.peers[name] as PeerState));
      settle();
      const expected = names.filter((name) => shown(lastGood.get(name) as PeerState, state) !== inForce.get(name));
      for (const name of names) inForce.set(name, shown(lastGood.get(name) as PeerState, state));
      world.run(5);
      expect(
        ends()
          .map((line) => line.split(" ")[0])
          .sort(),
        `edit ${n} of seed ${SEED}: ${told.join(", ")}; ${JSON.stringify(state)}`,
      ).toEqual([...expected].sort());
      resets += expected.length;
      for (let waited = 0; expected.length > 0 && !isUp() && waited < 20; waited++) world.run(15_000);
      expect(isUp(), `sessions after edit ${n}`).toBe(true);
      world.run(n % 10 === 0 ? 2_000 : 100);
      if (n % 10 !== 0) continue;
      const table = decideAll(store, options);
      for (const { name, router } of routers) {
        const wanted = [...(table.routes.get(PeerName(name)) ?? [])].map(([key, r]) => [key, routeText(r.attributes)]);
        expect(Object.fromEntries(tableAt(world, tap, router.host)), `table of ${name}`).toEqual(
          Object.fromEntries(wanted),
        );
      }
    }
    expect([...tap.faults, ...node.watch.defects]).toEqual([]);
    expect(resets, "edits that do reset a session").toBeGreaterThan(EDITS / 50);
    if (EDITS > 1_000) console.log(`${EDITS} edits, ${resets} sessions reset, all of them and only they by plan`);
  },
  Math.max(20_000, 60 * EDITS),
);

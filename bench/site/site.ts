// A SitePolicy over 10,000 prefixes, and a witness of 100,000 claims: what one word costs, and what touches all of them. Owns the acts.
// Contract: the parts are those of the daemon, decision and slices included, in this process; there are no sockets, so what a session says
// is told as the feed tells it, and routes go nowhere.
import { DecisionEngine } from "../../src/announce/engine.ts";
import { realClock, realTimers } from "../../src/app/realTime.ts";
import { Reconciler, SLICE_MS } from "../../src/app/reconcile.ts";
import { Siting } from "../../src/app/siting.ts";
import { ipv4, type Prefix, prefixOf } from "../../src/kernel/ip.ts";
import { invariant } from "../../src/kernel/result.ts";
import { Asn, PeerName } from "../../src/kernel/units.ts";
import { createLogger } from "../../src/observe/log.ts";
import { type Claim, encodeClaim } from "../../src/site/model.ts";
import { ObjectSet } from "../../src/sources/objectSet.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import { MAX_WITNESSED, Witness } from "../../src/witness/witness.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { addressOf } from "../inject/table.ts";
import { NODE, service, sinkPeer } from "../manifests.ts";
import { resultOf } from "../report.ts";
import { type Cost, costOf } from "./turns.ts";

const PREFIXES = 10_000;
/** Routes that are read from a session in one turn: 64 KiB of UPDATEs with a claim and one prefix each. */
const READ = 500;
const ASN = Asn(65_000);
const WITNESS = PeerName("sink");

export const site: Bench = {
  name: "site",
  summary:
    "a SitePolicy over 10,000 prefixes: a word about one, a witness lost and back, a promote, status; a witness of 100,000 claims",
  run,
};

const POLICY = `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: bench, namespace: metallb-system }
spec: { addresses: [10.0.0.0/8] }
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: { name: bench, namespace: metallb-system }
---
apiVersion: vipcast.io/v1alpha1
kind: SitePolicy
metadata: { name: bench, namespace: metallb-system }
spec:
  site: north
  siteID: 1
  rank: 1
  whenNotPreferred: conditional
  ownership: { asn: ${ASN} }
  witnesses: [${WITNESS}]
`;

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const rows = new Map<string, Cost[]>();
  const trials = quick ? 5 : 30;
  const add = (what: string, cost: Cost): void => void rows.set(what, [...(rows.get(what) ?? []), cost]);
  progress(`site: ${PREFIXES} services`);
  const node = await governed();
  for (let trial = 1; trial <= trials; trial++) {
    progress(`site: trial ${trial} of ${trials}`);
    for (const [what, act] of node.acts(trial)) add(what, await costOf(act, node.isDone));
  }
  for (let trial = 1; trial <= Math.ceil(trials / 5); trial++) {
    progress(`site: witness, trial ${trial}`);
    for (const [what, act, isDone] of witnessActs()) add(what, await costOf(act, isDone));
  }
  const figures = [
    ["from the word until all is decided", "ms"],
    ["processor time, all threads", "cpuMs"],
    ["longest turn", "longestTurnMs"],
  ] as const;
  const results = [...rows].flatMap(([what, costs]) =>
    figures.map(([figure, field]) => {
      const values = costs.map((cost) => cost[field]);
      return resultOf(`${what}: ${figure}`, "vipcast", "ms", values);
    }),
  );
  return {
    results,
    ratios: [],
    versions: {},
    notes: ["In one process, without sockets; a turn counts with the processor time it used."],
  };
}

type Act = readonly (() => unknown)[];

const prefixAt = (i: number): Prefix => prefixOf(ipv4(addressOf(i)), 32);
const claimOf = (siteId: number, epoch: number, state: Claim["state"]) =>
  encodeClaim(ASN, { siteId, rank: 2, epoch, state, node: 9 });

/** A node of the preferred site that serves 10,000 prefixes, its decision, and one witness, which knows of a site that stands by. */
async function governed() {
  const store = new ObjectStore();
  const services = Array.from({ length: PREFIXES }, (_, i) => service(i, true));
  const text = [sinkPeer(179), POLICY, ...services].join("---\n");
  new ObjectSet(store, "metallb-system").setFile("bench.yaml", Buffer.from(text));
  const wake = (): void => reconciler.changed([]);
  const log = createLogger("info", { write: () => {} }, realClock.wall);
  const told = { wake, claimAsnsChanged() {}, problemsChanged() {} };
  const siting = new Siting(NODE, { clock: realClock, timers: realTimers, log, stateDir: null, ...told });
  const sink = { peersChanged() {}, setRoute() {}, serviceChanged() {}, problemsChanged() {} };
  const options = { nodeName: NODE, lbClass: "", ignoreExcludeLb: false, routerId: null };
  const engine = new DecisionEngine(store, options, sink, false, siting.sites);
  const reconciler: Reconciler = new Reconciler(
    { apply: () => {}, run: (isOver) => (engine.run(isOver, realClock.now()) ? "done" : "more") },
    () => {},
    { clock: realClock, timers: realTimers, deadline: () => engine.deadline() },
    { turn: () => {}, settled: () => {} },
  );
  const isDone = (): boolean => reconciler.since === null && !siting.sites.isAwaited;
  const { claims } = siting;
  const table = (epoch: number): Act =>
    Array.from({ length: PREFIXES / READ }, (_, part) => () => {
      for (let i = part * READ; i < (part + 1) * READ; i++) {
        claims.routeChanged(WITNESS, prefixAt(i), claimOf(2, epoch, "standby"));
      }
    });
  const back = (epoch: number): Act => [
    () => claims.sightChanged(WITNESS, "reading"),
    ...table(epoch),
    () => claims.sightChanged(WITNESS, "complete"),
  ];
  await costOf([() => reconciler.listed(), ...back(0)], isDone);
  const active = [...engine.decisions.values()].filter(({ announced }) => announced).length;
  invariant(active === PREFIXES, `all prefixes are announced, not ${active}`);
  const acts = (trial: number): readonly (readonly [string, Act])[] => [
    [
      "a word of the witness about one prefix",
      [() => claims.routeChanged(WITNESS, prefixAt(trial), claimOf(2, 0, trial % 2 === 0 ? "standby" : "leaving"))],
    ],
    ["the witness is lost", [() => claims.sightChanged(WITNESS, "none")]],
    ["the witness is back and tells 10,000 claims", back(trial % 2)],
    ["promote of 10,000 prefixes", [() => siting.operate("promote", null)]],
    ["status of 10,000 prefixes", [() => readStatus(siting)]],
  ];
  return { isDone, acts };
}

async function readStatus(siting: Siting): Promise<void> {
  const answer = await siting.operate("status", null);
  invariant(answer.ok, "there is a SitePolicy");
  let octets = 0;
  for await (const piece of answer.pieces) octets += piece.length;
  invariant(octets > PREFIXES, "the answer has all prefixes");
}

/** Of two sites with 50,000 claims each; one goes and comes again. */
function witnessActs(): readonly (readonly [string, Act, () => boolean])[] {
  const [north, south] = [PeerName("north"), PeerName("south")];
  const host = { setRoute() {}, holdEndOfRib() {}, hearAgain() {} };
  const witness = new Witness(host);
  const half = MAX_WITNESSED / 2;
  let isDone = true;
  const run = (): void => {
    const until = realClock.now() + SLICE_MS;
    isDone = witness.run(() => realClock.now() >= until, realClock.now());
    if (!isDone) setImmediate(run);
  };
  const tell = (peer: PeerName, siteId: number): Act =>
    Array.from({ length: half / READ }, (_, part) => () => {
      for (let i = part * READ; i < (part + 1) * READ; i++) {
        witness.routeChanged(peer, prefixOf(ipv4(0x0a00_0000 + i), 32), claimOf(siteId, 1, "active"));
      }
      if (isDone) run();
    });
  const sight = (peer: PeerName, to: "none" | "reading") => () => {
    witness.sightChanged(peer, to, to === "none" ? null : ASN, realClock.now());
    if (isDone) run();
  };
  witness.setPeers([north, south], realClock.now());
  const done = (): boolean => isDone;
  return [
    [
      "witness: two sites tell 50,000 claims each",
      [sight(north, "reading"), sight(south, "reading"), ...tell(north, 1), ...tell(south, 2)],
      done,
    ],
    ["witness: the session of a site with 50,000 of 100,000 claims ends", [sight(north, "none")], done],
    ["witness: the session of that site is there again", [sight(north, "reading")], done],
  ];
}

// A path that is cut while all interfaces stay up: when we say Down, when our Cease leaves, when the router has dropped the
// route. Owns the two that stand at our end, the whole program and FRR's bgpd with bfdd, and the reading of the wire.
// Contract: both run at the same time, each with a router of its own; moments are those at which the kernel of our end saw the
// packets, so no program tells of itself; a trial begins when the route is there and packets come as fast as was negotiated.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Capture, startCapture } from "../../lab/capture.ts";
import { type Frr, startFrr } from "../../lab/frr.ts";
import { type OneRouter, oneRouter } from "../../lab/topologies/oneRouter.ts";
import { routerConfig } from "../../lab/topologies/routerConfig.ts";
import { startVipcast } from "../../lab/vipcast.ts";
import { type LogSource, waitFor } from "../../lab/waitFor.ts";
import type { BenchOptions } from "../bench.ts";
import { type Result, resultOf } from "../report.ts";
import { exactTimeOfDay, INTERVALS, MULTIPLIER, nameOf } from "./names.ts";

type End = "vipcast" | "frr";

const VIP = "198.51.100.10";
const PREFIX = `${VIP}/32`;
/** Longest wait for a step of a trial, milliseconds. */
const LIMIT_MS = 30_000;
/** What has not been seen so long after the detection time was not to be seen. */
const GRACE_MS = 3_000;

/** Milliseconds. */
interface Trial {
  readonly down: number;
  /** Of the packet that says Down, after the last one of the router, beyond the detection time. */
  readonly late: number;
  readonly cease: number;
  readonly withdrawn: number;
}

export async function cutPaths({ quick, progress }: BenchOptions): Promise<readonly Result[]> {
  progress(`a cut path, ${INTERVALS.map(nameOf).join(", ")}: vipcast, and FRR in its place, all at the same time`);
  const all = INTERVALS.flatMap((ms) => (["vipcast", "frr"] as const).map((end) => ({ ms, end })));
  const measured = await Promise.all(
    all.map(async (one) => ({ ...one, ...(await trialsOf(one.end, one.ms, quick ? 2 : 30)) })),
  );
  return INTERVALS.flatMap((ms) => {
    const both = measured.filter((one) => one.ms === ms);
    const rows = FIGURES.flatMap(({ what, of }) =>
      both.map(({ end, trials }) => resultOf(`${nameOf(ms)}, ${what}`, end, "ms", trials.map(of))),
    );
    const without = both.map((one) => resultOf(`${nameOf(ms)}, ${VOID}`, one.end, "trials", [one.void]));
    return [...rows, ...without];
  });
}

const VOID = "path cut: trials that did not count, without Down and Cease from our end";

const FIGURES: readonly { readonly what: string; readonly of: (t: Trial) => number }[] = [
  { what: "path cut: our first packet that says Down", of: (t) => t.down },
  {
    what: "path cut: that packet beyond the detection time, which began with the router's last one",
    of: (t) => t.late,
  },
  { what: "path cut: our Cease", of: (t) => t.cease },
  { what: "path cut: the route gone at the router", of: (t) => t.withdrawn },
];

interface Trials {
  readonly trials: readonly Trial[];
  /** Trials that did not count. */
  readonly void: number;
}

async function trialsOf(end: End, ms: number, count: number): Promise<Trials> {
  const bfdd = [
    " profile bench",
    `  transmit-interval ${ms}`,
    `  receive-interval ${ms}`,
    `  detect-multiplier ${MULTIPLIER}`,
    " exit",
  ];
  const pair = await oneRouter({ bfdd, neighborLines: ["bfd profile bench"] });
  try {
    const wire = new Wire(await startCapture(pair.speaker, "to-segment", FILTER, FIELDS), pair);
    const ours = end === "vipcast" ? startOurs(pair, ms) : await startTheirs(pair, bfdd);
    const trials: Trial[] = [];
    let attempts = 0;
    for (; trials.length < count && attempts < 2 * count; attempts++) {
      const trial = await cutOnce(pair, ours, wire, ms);
      if (trial !== null) trials.push(trial);
    }
    if (trials.length < count) throw new Error(`${nameOf(ms)}, ${end}: only ${trials.length} trials of ${count}`);
    return { trials, void: attempts - count };
  } finally {
    await pair.lab.close();
  }
}

/** @returns null: no Down or no Cease was seen, for instance as an end had lost its session right before the cut */
async function cutOnce(pair: OneRouter, ours: LogSource, wire: Wire, ms: number): Promise<Trial | null> {
  const { router } = pair;
  const options = { timeoutMs: LIMIT_MS, logs: [router, ours] };
  const isThere = async (): Promise<boolean> => (await router.route(PREFIX)).length > 0;
  await waitFor("the route at the router", isThere, (there) => there, { ...options, everyMs: 20 });
  await waitFor(
    "packets as negotiated",
    () => wire.isFast(ms),
    (fast) => fast,
    { ...options, everyMs: 20 },
  );
  await sleep(200 + Math.random() * ms); // anywhere between two packets
  const cutAt = exactTimeOfDay();
  pair.cut();
  await waitFor("no route at the router", isThere, (there) => !there, { ...options, everyMs: 1 });
  const withdrawn = exactTimeOfDay() - cutAt;
  const seen = await waitFor(
    "Down and Cease on the wire",
    () => wire.ending(cutAt),
    (e) => e !== null,
    { timeoutMs: ms * MULTIPLIER + GRACE_MS },
  ).catch(() => null);
  pair.mend();
  if (seen === null) return null;
  const late = seen.down - seen.lastHeard - ms * MULTIPLIER;
  return { down: seen.down - cutAt, late, cease: seen.cease - cutAt, withdrawn };
}

/** The real program, as a user would start it. */
function startOurs({ speaker, routerAddress, routerAsn, speakerAsn }: OneRouter, ms: number): LogSource {
  const dir = join(speaker.dir, "manifests");
  mkdirSync(dir);
  const object = (apiVersion: string, kind: string, name: string, spec: object): string =>
    JSON.stringify({ apiVersion, kind, metadata: { name, namespace: "metallb-system" }, spec });
  const objects = [
    object("metallb.io/v1beta1", "BFDProfile", "bench", {
      transmitInterval: ms,
      receiveInterval: ms,
      detectMultiplier: MULTIPLIER,
    }),
    object("metallb.io/v1beta2", "BGPPeer", "router", {
      myASN: speakerAsn,
      peerASN: routerAsn,
      peerAddress: routerAddress,
      holdTime: "180s",
      bfdProfile: "bench",
    }),
    object("metallb.io/v1beta1", "IPAddressPool", "public", { addresses: ["198.51.100.0/24"] }),
    object("metallb.io/v1beta1", "BGPAdvertisement", "public", {}),
    JSON.stringify({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { type: "LoadBalancer", externalTrafficPolicy: "Cluster" },
      status: { loadBalancer: { ingress: [{ ip: VIP }] } },
    }),
    JSON.stringify({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], nodeName: "node-1", conditions: { ready: true } }],
    }),
  ];
  writeFileSync(join(dir, "all.yaml"), objects.join("\n---\n"));
  return startVipcast(speaker, { manifests: dir, nodeName: "node-1" });
}

/** FRR at our end: the same sessions and the same route. */
function startTheirs(pair: OneRouter, bfdd: readonly string[]): Promise<Frr> {
  const bgpd = routerConfig({
    asn: pair.speakerAsn,
    routerId: pair.speakerAddress,
    neighbor: pair.routerAddress,
    neighborAsn: pair.routerAsn,
    neighborLines: ["bfd profile bench"],
    networks: [PREFIX],
  });
  return startFrr(pair.speaker, { bgpd, bfdd: ["bfd", ...bfdd, ""].join("\n") });
}

const FILTER = "udp dst port 3784 or (tcp port 179 and tcp[tcpflags] & tcp-push != 0)";
const FIELDS = ["frame.time_epoch", "ip.src", "bfd.sta", "bfd.flags.p", "bfd.desired_min_tx_interval", "bgp.type"];
const DOWN = 1;
const NOTIFICATION = "3";
/** So many packets in a row tell how fast they come. */
const ENOUGH = 5;
/** Octets of tshark's words that are looked at: more than what it says of a trial from the cut on. */
const RECENT = 32 << 10;

/** What passes the interface of our end. */
export class Wire {
  readonly #capture: Capture;
  readonly #us: string;
  readonly #router: string;

  constructor(
    capture: Capture,
    { speakerAddress, routerAddress }: Pick<OneRouter, "speakerAddress" | "routerAddress">,
  ) {
    this.#capture = capture;
    this.#us = speakerAddress;
    this.#router = routerAddress;
  }

  /** Whether the router's packets come at the negotiated interval, and neither end asks for another one. */
  isFast(ms: number): boolean {
    const last = this.#packets().slice(-2 * ENOUGH);
    const times = last.filter((p) => p.from === this.#router).map((p) => p.at);
    const [first = 0, newest = 0] = [times[0], times.at(-1)];
    const isSettled = last.every((p) => p.state === 3 && !p.isPoll && p.transmitMs === ms);
    return isSettled && times.length >= ENOUGH - 1 && newest - first < 1.1 * ms * (times.length - 1);
  }

  /** The end of a session after a cut; null: not all of it has been seen. Milliseconds of the day. */
  ending(cutAt: number): { readonly down: number; readonly lastHeard: number; readonly cease: number } | null {
    const packets = this.#packets();
    const down = packets.find((p) => p.at > cutAt && p.from === this.#us && p.state === DOWN);
    const cease = packets.find((p) => p.at > cutAt && p.from === this.#us && p.bgp.includes(NOTIFICATION));
    const lastHeard = packets.findLast((p) => p.from === this.#router && p.state !== null && p.at < (down?.at ?? 0));
    if (down === undefined || cease === undefined || lastHeard === undefined) return null;
    return { down: down.at, cease: cease.at, lastHeard: lastHeard.at };
  }

  #packets() {
    return this.#capture.rows(RECENT).map((row) => ({
      at: 1_000 * Number(row["frame.time_epoch"]),
      from: row["ip.src"],
      /** null: no BFD. */
      state: row["bfd.sta"] ? Number(row["bfd.sta"]) : null,
      isPoll: row["bfd.flags.p"] === "1",
      transmitMs: Number(row["bfd.desired_min_tx_interval"]) / 1_000,
      bgp: (row["bgp.type"] ?? "").split(","),
    }));
  }
}

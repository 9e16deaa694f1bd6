// The allocator by itself: 10,000 services from a /16 and from a /64, a restart that takes over 10,000 assignments, and what one service more, or
// one less, costs among them. Owns the trials. Contract: objects are as the readers of manifests make them; a trial counts only if every
// service has an address and no two have the same.
import { AllocationEngine, type Remembered } from "../../src/allocate/engine.ts";
import { formatRemembered, parseRemembered } from "../../src/allocate/remembered.ts";
import { invariant } from "../../src/kernel/result.ts";
import type { ServiceKey } from "../../src/kernel/units.ts";
import { readObject } from "../../src/sources/intake.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import type { Bench, BenchOptions, Measured } from "../bench.ts";
import { type Result, resultOf } from "../report.ts";
import { type ClusterTrial, clusterTrial } from "./cluster.ts";

const COUNT = 10_000;

export const allocate: Bench = {
  name: "allocate",
  summary:
    "10,000 services from a /16 and from a /64, also through an API server; a restart with 10,000 assigned; one service more or less",
  run,
};

interface Trial {
  readonly fresh: number;
  readonly restart: number;
  readonly text: number;
  readonly added: number;
  readonly refused: number;
  readonly released: number;
}

async function run({ quick, progress }: BenchOptions): Promise<Measured> {
  const results: Result[] = [];
  for (const [what, addresses, family, size] of [
    ["a /16", "10.0.0.0/16", "IPv4", COUNT],
    ["a /64", "2001:db8::/64", "IPv6", COUNT],
    ["a pool of exactly 10,000", "10.0.0.0-10.0.39.15", "IPv4", COUNT],
  ] as const) {
    const trials: Trial[] = [];
    for (let i = 0; i < (quick ? 5 : 30); i++) trials.push(trial(addresses, family, size));
    progress(`allocate: ${what}`);
    const row = (name: string, of: keyof Trial): void =>
      void results.push(
        resultOf(
          `${what}: ${name}`,
          "vipcast",
          "ms",
          trials.map((t) => t[of]),
        ),
      );
    row("10,000 services that have nothing", "fresh");
    row("10,000 services that are remembered (restart)", "restart");
    row("assignments of 10,000 services as text, and back", "text");
    if (what === "a pool of exactly 10,000") {
      row("one service more, for which there is no address", "refused");
      row("one service less, and the one that waits gets its address", "released");
    } else row("one service more", "added");
  }
  const count = quick ? 1_000 : COUNT;
  const offices: ClusterTrial[] = [];
  for (let i = 0; i < (quick ? 1 : 5); i++) offices.push(await clusterTrial(count));
  progress("allocate: through an API server");
  for (const [name, unit, of] of [
    ["until every Service has its address in its status", "ms", "fresh"],
    ["restart, until it is clear that nothing is to be written", "ms", "restart"],
    ["longest hold of the event loop", "ms", "hold"],
  ] as const) {
    const values = offices.map((office) => office[of]);
    results.push(resultOf(`API server with ${count} Services: ${name}`, "vipcast", unit, values));
  }
  return {
    results,
    ratios: [],
    versions: {},
    notes: [
      "Pools: one process, one thread, without files, sockets or the decision that follows.",
      "API server: in memory, a process of its own on the same machine; Events and the pool's status are written meanwhile.",
    ],
  };
}

function trial(addresses: string, family: string, count: number): Trial {
  const store = new ObjectStore();
  put(store, {
    apiVersion: "metallb.io/v1beta1",
    kind: "IPAddressPool",
    metadata: { name: "p" },
    spec: { addresses: [addresses] },
  });
  for (let i = 0; i < count; i++) put(store, serviceOf(i, family));
  const [fresh, engine] = timed(() => started(store, new Map()));
  verify(engine, count);

  const [text, held] = timed(() => {
    const parsed = parseRemembered(formatRemembered(engine.holdings()));
    invariant(parsed.ok, "what was written is read");
    return parsed.held;
  });
  const [restart, again] = timed(() => started(store, held));
  verify(again, count);

  const newcomer = put(store, serviceOf(count, family));
  const [added] = timed(() => {
    again.apply([newcomer]);
    again.run();
  });
  const gone = store.remove("Service", { kind: "Service", namespace: "default", name: nameOf(count >> 1) });
  invariant(gone !== null, "a service to remove");
  const [released] = timed(() => {
    again.apply([gone]);
    again.run();
  });
  verify(again, count);
  return { fresh, restart, text, added, refused: added, released };
}

function started(store: ObjectStore, held: ReadonlyMap<ServiceKey, Remembered>): AllocationEngine {
  const engine = new AllocationEngine(store, { lbClass: "", source: "manifests" }, { allocated: () => {} }, held);
  invariant(engine.run(), "one run does it");
  return engine;
}

function verify(engine: AllocationEngine, count: number): void {
  const ips = [...engine.allocations.values()].flatMap((a) => a.ips);
  invariant(ips.length === count && new Set(ips).size === count, `${count} services have one address each`);
}

function timed<T>(work: () => T): readonly [milliseconds: number, result: T] {
  const begun = performance.now();
  const result = work();
  return [performance.now() - begun, result];
}

const nameOf = (i: number): string => `s${String(i).padStart(5, "0")}`;

const serviceOf = (i: number, family: string): object => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: nameOf(i), labels: { app: nameOf(i) } },
  spec: {
    type: "LoadBalancer",
    ipFamilies: [family],
    ports: [{ port: 80 }, { port: 443 }],
    selector: { app: nameOf(i) },
  },
});

function put(store: ObjectStore, raw: object): ReturnType<ObjectStore["put"]> {
  const { object, problems } = readObject(raw, 0);
  invariant(object !== null, JSON.stringify(problems));
  return store.put(object);
}

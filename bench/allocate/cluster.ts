// The controller at an API server, end to end: Services without addresses until all of them have one in their status, and a restart that
// finds them so. Owns the trial. Contract: the API server is a process of its own on loopback; what runs here is a term of office as
// `vipcast controller` begins it when it has the Lease; a trial counts only if the server has one address for each Service and no two alike.

import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";
import { LabApiServer } from "../../lab/apiServer.ts";
import { ControllerTerm } from "../../src/app/controllerTerm.ts";
import { WriteCounts } from "../../src/app/controllerWrites.ts";
import { realClock, realRandom, realTimers } from "../../src/app/realTime.ts";
import { invariant } from "../../src/kernel/result.ts";
import { HttpTransport } from "../../src/kube/transport.ts";
import { createLogger } from "../../src/observe/log.ts";
import { type Workshop, withWorkshop } from "../children.ts";

const HOME = "metallb-system";
/** A trial that takes longer has failed, milliseconds. */
const LIMIT_MS = 120_000;

export interface ClusterTrial {
  /** Milliseconds from the start of the term to the last address in the server's status. */
  readonly fresh: number;
  /** Milliseconds from the start of another term to its knowing that nothing is to be written. */
  readonly restart: number;
  /** Longest hold of the event loop meanwhile, milliseconds. */
  readonly hold: number;
}

export const clusterTrial = (count: number): Promise<ClusterTrial> =>
  withWorkshop(async (workshop) => {
    const api = await openServer(workshop, count);
    const server = await api.url();
    const fresh = await term(server, (counts) => written(counts) >= count);
    const services = await api.list("Service");
    const ips = services.map((service) => JSON.stringify(service.status));
    invariant(ips.length === count && new Set(ips).size === count, `${count} Services have one address each`);
    const restart = await term(server, () => true);
    invariant(written(restart.counts) === 0, "a restart writes nothing");
    return { fresh: fresh.took, restart: restart.took, hold: Math.max(fresh.hold, restart.hold) };
  });

async function openServer(workshop: Workshop, count: number): Promise<LabApiServer> {
  const api = await LabApiServer.start({ dir: workshop.dir, start: (command) => workshop.start(command) });
  await api.applyDefinitions("metallb");
  const pool = { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata: { name: "p", namespace: HOME } };
  await api.apply({ ...pool, spec: { addresses: ["10.0.0.0/16"] } });
  const services = Array.from({ length: count }, (_, i) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `s${i}`, namespace: "default" },
    spec: { type: "LoadBalancer", clusterIP: "10.96.0.1", clusterIPs: ["10.96.0.1"], ports: [{ port: 80 }] },
  }));
  await api.apply(...services);
  return api;
}

const written = (counts: WriteCounts): number =>
  [...counts.values()].find(({ kind, result }) => kind === "Service" && result === "ok")?.count ?? 0;

interface Office {
  readonly took: number;
  readonly hold: number;
  readonly counts: WriteCounts;
}

/** One term, until everything is written and `isDone` says so. */
async function term(url: string, isDone: (counts: WriteCounts) => boolean): Promise<Office> {
  const access = { url, authority: null, serverName: null, isInsecure: false, identity: { type: "none" as const } };
  const counts = new WriteCounts();
  const office = new ControllerTerm({
    transport: new HttpTransport(access, { env: {}, clock: realClock }, "vipcast-bench"),
    clock: realClock,
    timers: realTimers,
    random: realRandom,
    log: createLogger("none", { write: () => {} }, realClock.wall),
    home: HOME,
    lbClass: "",
    owner: [],
    counts,
    isLeader: () => true,
    problemsChanged: () => {},
    changed: () => {},
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  office.start();
  while (office.notReady() !== null || office.backlog > 0 || !isDone(counts)) {
    invariant(performance.now() - began < LIMIT_MS, `not written after ${LIMIT_MS} ms`);
    await pause(5);
  }
  const took = performance.now() - began;
  delay.disable();
  office.abandon();
  return { took, hold: delay.max / 1e6, counts };
}

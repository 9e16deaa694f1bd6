// A node that reports to the API server for tests, without the rest of a daemon: what it knows is set by hand. Owns waiting: for objects to
// be as they should, and for the server to be left in peace.
import type { ServiceDecision } from "../../src/announce/service.ts";
import { realClock, realRandom, realTimers } from "../../src/app/realTime.ts";
import type { ConfigProblem } from "../../src/kernel/problem.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import { KubeClient } from "../../src/kube/client.ts";
import { HttpTransport } from "../../src/kube/transport.ts";
import { Reporter, type ReporterOptions } from "../../src/reports/reporter.ts";
import type { PeerFacts } from "../../src/reports/sessionState.ts";
import type { ApiServer } from "../kube/apiServer.ts";
import { install } from "../kube/install.ts";
import { isObject, type JsonObject, type KubeObject } from "../kube/objects.ts";
import { decision } from "./decisions.ts";

export const HOME = "metallb-system";
const OURS = ["metallb/servicebgpstatuses", "metallb/configurationstates", "vipcast/bgpsessionstates"];
const WRITES = ["create", "update", "patch", "delete", "deletecollection"];

/** The kinds, the namespace, a Node, its Pod. */
export function furnish(server: ApiServer, node = "n1"): void {
  install(server, ...OURS);
  server.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: HOME } });
  server.apply({ apiVersion: "v1", kind: "Node", metadata: { name: node } });
  server.apply({ apiVersion: "v1", kind: "Pod", metadata: { name: `pod-${node}`, namespace: HOME }, spec: {} });
}

export class Station {
  readonly services = new Map<ServiceKey, ServiceDecision>();
  readonly reporter: Reporter;
  peers: PeerFacts[] = [];
  problems: ConfigProblem[] = [];
  readonly #transport: HttpTransport;
  readonly #server: ApiServer;

  constructor(server: ApiServer, options: Partial<ReporterOptions> = {}, token?: string) {
    this.#server = server;
    const identity = token === undefined ? { type: "none" as const } : { type: "token" as const, token };
    const access = { url: server.url, authority: null, serverName: null, isInsecure: false, identity };
    this.#transport = new HttpTransport(access, { env: {}, clock: realClock }, "vipcast/test");
    this.reporter = new Reporter(
      { node: "n1", home: HOME, podName: null, ...options },
      {
        transport: this.#transport,
        clock: realClock,
        timers: realTimers,
        random: realRandom,
        client: new KubeClient(this.#transport, realTimers),
        problemsChanged: () => {},
        known: {
          services: () => this.services.keys(),
          decision: (service) => this.services.get(service),
          target: (service) => {
            const [namespace = "", name = ""] = service.split("/");
            return this.services.has(service) ? { namespace, name, uid: `uid-of-${name}` } : null;
          },
          peers: () => this.peers,
          problems: () => this.problems,
        },
      },
    );
  }

  /** Begins, with what was set before as its first decision. */
  begin(): this {
    this.reporter.start();
    this.reporter.settled();
    return this;
  }

  /** @param peers none: it is withdrawn; null: the Service is gone */
  announce(name: string, peers: readonly string[] | null): void {
    const key = ServiceKey("default", name);
    if (peers === null) this.services.delete(key);
    else this.services.set(key, decision(peers));
    this.reporter.serviceChanged(key);
  }

  setPeers(...peers: readonly PeerFacts[]): void {
    this.peers = [...peers];
    this.reporter.peersChanged();
  }

  setProblems(...problems: readonly ConfigProblem[]): void {
    this.problems = [...problems];
    this.reporter.problemsChanged();
  }

  /** Writes that have arrived at the server. */
  get writes(): readonly string[] {
    return this.#server.requests.all
      .filter((r) => WRITES.includes(r.verb))
      .map((r) => `${r.verb} ${r.resource}${r.subresource === "" ? "" : `/${r.subresource}`}`);
  }

  /** Nothing is left to be written, and nothing was for a while: in time, and in turns, of which a machine that is elsewhere gives us none. */
  async rest(limitMs = 15_000): Promise<void> {
    let [before, calmSince, looks] = [-1, realClock.now(), 0];
    await until(
      "rest",
      () => {
        const { length } = this.writes;
        looks++;
        if (this.reporter.pending > 0 || length !== before) [before, calmSince, looks] = [length, realClock.now(), 0];
        return realClock.now() - calmSince > 300 && looks > 20;
      },
      limitMs,
    );
  }

  stop(): void {
    this.reporter.stop();
    this.#transport.close();
  }
}

/** Looked at every 10 ms: another program offers no event to wait for. */
export async function until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
  const end = realClock.now() + limitMs;
  while (!holds()) {
    if (realClock.now() > end) throw new Error(`waited ${limitMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Objects of a kind in the order of their keys, without what the server makes up. */
export function plain(objects: readonly KubeObject[]): readonly JsonObject[] {
  return objects
    .map(({ metadata, ...rest }) => {
      const { labels, ownerReferences, namespace, name } = metadata;
      return { ...rest, metadata: { name, namespace, labels, ownerReferences } } as unknown as JsonObject;
    })
    .sort((a, b) => (JSON.stringify(a.status) < JSON.stringify(b.status) ? -1 : 1));
}

export const statusOf = (object: KubeObject | undefined): JsonObject => {
  const status = (object as JsonObject | undefined)?.status;
  return isObject(status) ? status : {};
};

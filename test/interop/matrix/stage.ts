// One router, one speaker and a directory of manifests between them, as every scenario of the matrix has it. Owns the lab,
// the questions to both sides and their waiting. Knows no router by name.
// Contract: what a question waits for has an end and shows both logs; routes of the router's own are left out of its table.
import { expect } from "vitest";
import { createLab, type Host, type Lab } from "../../../lab/lab.ts";
import type { Stopped } from "../../../lab/process.ts";
import { type Family, type JsonObject, type LabRoute, numberAt, objectAt } from "../../../lab/routes.ts";
import type { Vipcast } from "../../../lab/vipcast.ts";
import { type LogSource, waitFor } from "../../../lab/waitFor.ts";
import { bgpPeer, type Manifest, Manifests, peersOf, pool, startSpeaker } from "../support.ts";
import { ADDRESSES, addressesOf, type MatrixRouter, type Plan, type RouterKind } from "./router.ts";

export const VIP = "198.51.100.10/32";
export const VIP6 = "2001:db8:100::10/128";
const POOLS = ["198.51.100.0/24", "2001:db8:100::/64", "10.64.0.0/16"];

const PLAN: Plan = {
  over: 4,
  speakerAsn: 65_001,
  routerAsn: 65_002,
  families: ["ipv4-unicast"],
  password: null,
  advertises: [],
  dials: false,
  gtsm: false,
  gracefulRestart: false,
};

export interface StageOptions {
  readonly plan?: Partial<Plan>;
  /** More of the BGPPeer. */
  readonly spec?: JsonObject;
  /** Of the BGPPeer, without `vipcast.io/`. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Manifests beside peer and pool. */
  readonly objects: readonly Manifest[];
  readonly speakerArgs?: readonly string[];
}

export class Stage {
  readonly plan: Plan;
  readonly lab: Lab;
  readonly router: MatrixRouter;
  readonly manifests: Manifests;
  readonly #host: Host;
  readonly #options: StageOptions;
  #vipcast: Vipcast;

  private constructor(
    lab: Lab,
    host: Host,
    plan: Plan,
    router: MatrixRouter,
    manifests: Manifests,
    options: StageOptions,
  ) {
    this.lab = lab;
    this.plan = plan;
    this.router = router;
    this.manifests = manifests;
    this.#host = host;
    this.#options = options;
    this.#vipcast = this.#launch();
  }

  /** Sets everything up and starts it; the session comes up in its own time. */
  static async open(kind: RouterKind, lab: Lab, options: StageOptions): Promise<Stage> {
    const plan = { ...PLAN, ...options.plan };
    const [speaker, host] = [lab.host("speaker"), lab.host("router")];
    const ends = (end: "speaker" | "router") =>
      [4, 6].map((v) => `${ADDRESSES[v as 4 | 6][end]}/${ADDRESSES[v as 4 | 6].length}`);
    lab.link(speaker, host, { addressA: ends("speaker"), addressB: ends("router") });
    const router = await kind.launch(host, plan);
    const manifests = new Manifests(speaker);
    manifests.write("peer.yaml", peerOf(plan, options), pool(POOLS));
    manifests.write("objects.yaml", ...options.objects);
    return new Stage(lab, speaker, plan, router, manifests, options);
  }

  /** Writes the BGPPeer anew, with another spec or other annotations. */
  editPeer(change: Pick<StageOptions, "spec" | "annotations">): void {
    this.manifests.write("peer.yaml", peerOf(this.plan, { ...this.#options, ...change }), pool(POOLS));
  }

  get vipcast(): Vipcast {
    return this.#vipcast;
  }

  get logs(): readonly LogSource[] {
    return [this.router, this.#vipcast];
  }

  async stopSpeaker(signal: "SIGTERM" | "SIGKILL"): Promise<Stopped> {
    return await this.#vipcast.stop(signal);
  }

  startSpeaker(): void {
    this.#vipcast = this.#launch();
  }

  #launch(): Vipcast {
    return startSpeaker(this.#host, this.manifests, { extraArgs: this.#options.speakerArgs ?? [] });
  }

  /** Waits until the session is up, as the router sees it. */
  async established(timeoutMs = 20_000): Promise<void> {
    const probe = () => this.router.isEstablished();
    await waitFor(`a session at ${this.router.name}`, probe, (is) => is, { logs: this.logs, timeoutMs, everyMs: 50 });
  }

  /** What the router has from us. */
  async learned(): Promise<ReadonlyMap<string, LabRoute>> {
    const tables = await Promise.all(this.plan.families.map((family: Family) => this.router.bgpRoutes(family)));
    const ours = tables.flatMap((table) => [...table.values()].flat()).filter((route) => route.from !== null);
    return new Map(ours.map((route) => [route.prefix, route]));
  }

  /** Waits until the router has exactly these prefixes from us, all as wanted. */
  async shows(prefixes: readonly string[], accept: (route: LabRoute) => boolean = () => true, timeoutMs = 20_000) {
    const wanted = [...prefixes].sort().join();
    const isThere = (table: ReadonlyMap<string, LabRoute>): boolean =>
      [...table.keys()].sort().join() === wanted && [...table.values()].every(accept);
    const options = { logs: this.logs, timeoutMs, everyMs: 50 };
    return await waitFor(`${wanted || "nothing"} at ${this.router.name}`, () => this.learned(), isThere, options);
  }

  /** Waits until the router counts as many routes from us. */
  async counts(count: number, timeoutMs: number): Promise<void> {
    const options = { logs: this.logs, timeoutMs, everyMs: 200 };
    await waitFor(
      `${count} routes at ${this.router.name}`,
      () => this.router.learned(),
      (n) => n === count,
      options,
    );
  }

  /** What `vipcast peers --json` says of the router. */
  async status(): Promise<JsonObject> {
    return objectAt((await peersOf(this.#vipcast)).get("tor"));
  }

  async statusThat(what: string, accept: (status: JsonObject) => boolean): Promise<JsonObject> {
    const options = { logs: this.logs, everyMs: 100 };
    return await waitFor(`a peer that ${what}`, () => this.status(), accept, options);
  }

  async counter(name: string): Promise<number> {
    return numberAt(objectAt((await this.status()).counters)[name]) ?? 0;
  }

  /** One session in all since the speaker started, and one connection for it. */
  async isOneSession(timesEstablished = 1): Promise<void> {
    expect(await this.status()).toMatchObject({ state: "Established", timesEstablished });
    expect(this.connections()).toBe(1);
  }

  /** Established TCP connections of the speaker's BGP. */
  connections(): number {
    const said = this.#host.execSync("ss", ["-Htn", "state", "established", "( dport = :179 or sport = :179 )"]);
    return said.split("\n").filter((line) => line !== "").length;
  }

  /** TCP connections that programs on the speaker's host have begun, in vain or not. */
  connectionsBegun(): number {
    return kernelCounter(this.#host, "snmp", "ActiveOpens");
  }

  /** Waits until the kernel of either side has refused segments, by its own counter of them. */
  async refusesSegments(counter: "TCPMD5Failure" | "TCPMinTTLDrop"): Promise<void> {
    const hosts = [this.#host, this.lab.host("router")];
    const refused = (): number => hosts.reduce((sum, host) => sum + kernelCounter(host, "netstat", counter), 0);
    await waitFor("refused segments", refused, (n) => n > 0, { logs: this.logs });
  }

  /** The kernel's routes on the speaker's host, both families. */
  kernelRoutes(): string {
    return this.#host.ip("route", "show", "table", "all") + this.#host.ip("-6", "route", "show", "table", "all");
  }
}

/** A counter of TCP in a host's /proc/net. */
function kernelCounter(host: Host, file: "netstat" | "snmp", name: string): number {
  const lines = host.execSync("cat", [`/proc/net/${file}`]).split("\n");
  const words = lines.filter((line) => /^Tcp(Ext)?:/.test(line)).map((line) => line.split(" "));
  const [names = [], values = []] = words;
  return Number(values[names.indexOf(name)]);
}

function peerOf(plan: Plan, { spec = {}, annotations = {} }: StageOptions): Manifest {
  const both = plan.families.length === 2 ? { dualStackAddressFamily: true } : {};
  const key = plan.password === null ? {} : { password: plan.password };
  const peer = bgpPeer(
    { routerAsn: plan.routerAsn, routerAddress: addressesOf(plan).router },
    { myAsn: plan.speakerAsn, spec: { connectTime: "1s", ...both, ...key, ...spec } },
  );
  const ours = Object.entries(annotations).map(([name, value]) => [`vipcast.io/${name}`, value] as const);
  return { ...peer, metadata: { ...objectAt(peer.metadata), annotations: Object.fromEntries(ours) } };
}

/** A lab that is gone when `use` is over. */
export async function withLab(use: (lab: Lab) => Promise<void>): Promise<void> {
  const lab = createLab("matrix");
  try {
    await use(lab);
  } finally {
    await lab.close();
  }
}

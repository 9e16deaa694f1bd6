// GoBGP as a router of the lab: starts from a private directory, shows its table. Owns the command lines and the reading
// of its JSON. Knows nothing of topologies.
// Contract: its gRPC port is on the loopback of the lab host, so nothing outside the namespace can reach it.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./lab.ts";
import type { LabProcess } from "./process.ts";
import {
  communityName,
  type Family,
  type JsonObject,
  type LabRoute,
  listAt,
  numberAt,
  objectAt,
  type RouteTable,
  textAt,
} from "./routes.ts";
import { type LogSource, waitFor } from "./waitFor.ts";

const API_PORT = 50_051;

/** Starts gobgpd with this TOML configuration; resolves when it answers. @throws Error when it rejects the configuration */
export async function startGobgp(host: Host, config: string): Promise<Gobgp> {
  const gobgp = new Gobgp(host, config);
  await gobgp.start();
  return gobgp;
}

export class Gobgp implements LogSource {
  readonly name: string;
  readonly host: Host;
  readonly dir: string;
  #process: LabProcess | null = null;

  constructor(host: Host, config: string) {
    this.name = `gobgp@${host.name}`;
    this.host = host;
    this.dir = join(host.dir, "gobgp");
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(join(this.dir, "gobgpd.toml"), config);
  }

  get pid(): number | null {
    return this.#process?.running === true ? this.#process.pid : null;
  }

  async start(): Promise<void> {
    const args = ["-f", join(this.dir, "gobgpd.toml"), "--api-hosts", `127.0.0.1:${API_PORT}`, "--pprof-disable"];
    const process = this.host.spawn("gobgpd", args);
    this.#process = process;
    await waitFor(
      `${this.name} to answer`,
      async () => !process.running || (await this.gobgp("global")) !== "",
      (done) => done,
      { everyMs: 50, logs: [process] },
    );
    if (!process.running) throw new Error(`${process.name} did not start:\n${process.logTail()}`);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#process?.stop(signal);
  }

  /** Runs its command-line client. @throws CommandError */
  gobgp(...args: readonly string[]): Promise<string> {
    return this.host.exec("gobgp", ["-p", String(API_PORT), ...args]);
  }

  /** The global table of one family. */
  async bgpRoutes(family: Family = "ipv4-unicast"): Promise<RouteTable> {
    const said = await this.gobgp("global", "rib", "-a", family === "ipv4-unicast" ? "ipv4" : "ipv6", "-j");
    const table = Object.entries(objectAt(JSON.parse(said)));
    return new Map(table.map(([prefix, paths]) => [prefix, listAt(paths).map((p) => readPath(prefix, objectAt(p)))]));
  }

  /** `Established` and so on; `Unknown` when there is no such neighbour. */
  async peerState(address: string): Promise<string> {
    const said = await this.gobgp("neighbor", address).catch(() => "");
    const state = /BGP state = (\w+)/i.exec(said)?.[1]?.toLowerCase() ?? "unknown";
    return state.charAt(0).toUpperCase() + state.slice(1);
  }

  logTail(lines = 20): string {
    return this.#process?.logTail(lines) ?? "";
  }
}

const ORIGINS = ["igp", "egp", "incomplete"] as const;

/** GoBGP lists path attributes by type code (RFC 4271 5, RFC 1997, RFC 8092, RFC 4760). */
function readPath(prefix: string, path: JsonObject): LabRoute {
  const attributes = new Map(listAt(path.attrs).map((a) => [numberAt(objectAt(a).type), objectAt(a)]));
  const attribute = (type: number): JsonObject => attributes.get(type) ?? {};
  const source = textAt(path["neighbor-ip"]) ?? textAt(path["source-id"]);
  return {
    prefix,
    nextHop: textAt(attribute(3).nexthop) ?? textAt(attribute(14).nexthop) ?? "",
    communities: listAt(attribute(8).communities).map((c) => communityName(numberAt(c) ?? 0)),
    largeCommunities: listAt(attribute(32).value).map((c) => {
      const { ASN, LocalData1, LocalData2 } = objectAt(c);
      return `${String(ASN)}:${String(LocalData1)}:${String(LocalData2)}`;
    }),
    localPref: numberAt(attribute(5).value),
    med: numberAt(attribute(4).metric) ?? numberAt(attribute(4).value),
    asPath: listAt(attribute(2).as_paths).flatMap((segment) => listAt(objectAt(segment).asns).map(String)),
    origin: ORIGINS[numberAt(attribute(1).value) ?? 2] ?? "incomplete",
    best: path.best === true,
    from: source === null || source === "<nil>" || source === "" ? null : source,
  };
}

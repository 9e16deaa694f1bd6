// OpenBGPD as a router of the lab: starts from a private directory, shows its table. Owns the command lines and the reading
// of bgpctl's JSON. Knows nothing of topologies.
// Contract: the machine's own OpenBGPD is never touched: the control socket is private, and so is /run, where its
// unprivileged processes lock themselves in. It leaves the kernel's routes alone.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./lab.ts";
import { type LabProcess, run } from "./process.ts";
import { openbgpdProgram } from "./requirements.ts";
import {
  communityName,
  type Family,
  type JsonObject,
  type LabRoute,
  listAt,
  numberAt,
  objectAt,
  originOf,
  type RouteTable,
  textAt,
  words,
} from "./routes.ts";
import { type LogSource, waitFor } from "./waitFor.ts";

const PRIVATE_RUN =
  'mount -t tmpfs -o size=1m,mode=755 tmpfs /run && mkdir -m 755 /run/openbgpd && exec "$0" -d -f "$1"';

/** Starts OpenBGPD with this configuration text; resolves when it answers. @throws Error when it rejects the configuration */
export async function startOpenbgpd(host: Host, config: string): Promise<Openbgpd> {
  const openbgpd = new Openbgpd(host, config);
  await openbgpd.start();
  return openbgpd;
}

export class Openbgpd implements LogSource {
  readonly name: string;
  readonly host: Host;
  readonly dir: string;
  readonly #config: string;
  readonly #socket: string;
  #process: LabProcess | null = null;

  constructor(host: Host, config: string) {
    this.name = `openbgpd@${host.name}`;
    this.host = host;
    this.dir = join(host.dir, "openbgpd");
    this.#socket = join(this.dir, "bgpd.sock");
    mkdirSync(this.dir);
    this.#config = join(this.dir, "bgpd.conf");
    const own = `socket "${this.#socket}"\nfib-update no\n`;
    writeFileSync(this.#config, `${own}${config}\n`, { mode: 0o600 }); // it refuses a file that others could read
  }

  /** Of the parent process. */
  get pid(): number | null {
    return this.#process?.running === true ? this.#process.pid : null;
  }

  async start(): Promise<void> {
    const program = openbgpdProgram();
    if (program === null) throw new Error("OpenBGPD is not installed");
    const process = this.host.spawn("sh", ["-c", PRIVATE_RUN, program, this.#config], { name: "openbgpd" });
    this.#process = process;
    await waitFor(
      `${this.name} to answer`,
      async () => !process.running || (await this.bgpctl("show", "summary")) !== "",
      (done) => done,
      { everyMs: 10, logs: [process] },
    );
    if (!process.running) throw new Error(`${process.name} did not start:\n${process.logTail()}`);
  }

  /** @returns when its unprivileged processes are gone, too: they hold the port a moment longer than a killed parent lives */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const process = this.#process;
    if (process === null) return;
    await process.stop(signal);
    const isGone = () => !isGroupAlive(process.pid);
    await waitFor(`the end of all of ${this.name}`, isGone, (is) => is, { everyMs: 5, logs: [process] });
  }

  /** Runs one command of its control program. @throws CommandError */
  bgpctl(...args: readonly string[]): Promise<string> {
    return run(["bgpctl", "-s", this.#socket, ...args], this.host.env);
  }

  /** All BGP routes of one family that it holds, own ones included. */
  async bgpRoutes(family: Family = "ipv4-unicast"): Promise<RouteTable> {
    const said = await this.bgpctl("-j", "show", "rib", "detail", family === "ipv4-unicast" ? "inet" : "inet6");
    const table = new Map<string, LabRoute[]>();
    for (const entry of listAt(objectAt(JSON.parse(said)).rib)) {
      const route = readPath(objectAt(entry));
      const paths = table.get(route.prefix) ?? [];
      table.set(route.prefix, paths);
      paths.push(route);
    }
    return table;
  }

  /** What `show neighbor` says of one; empty when there is no such neighbour. */
  async neighbor(address: string): Promise<JsonObject> {
    const said: unknown = JSON.parse(await this.bgpctl("-j", "show", "neighbor", address));
    return objectAt(listAt(objectAt(said).neighbors)[0]);
  }

  logTail(lines = 20): string {
    return this.#process?.logTail(lines) ?? "";
  }
}

/** Whether any process is left of the group that a program of the lab leads. Sends nothing. */
function isGroupAlive(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}

function readPath(path: JsonObject): LabRoute {
  const from = textAt(objectAt(path.neighbor).remote_addr);
  const metric = numberAt(path.metric);
  return {
    prefix: textAt(path.prefix) ?? "",
    nextHop: textAt(path.exit_nexthop) ?? "",
    communities: listAt(path.communities).map((c) => byName(String(c))),
    largeCommunities: listAt(path.large_communities).map(String),
    localPref: numberAt(path.localpref),
    med: metric === 0 ? null : metric, // it does not tell 0 from none
    asPath: words(path.aspath),
    origin: originOf(textAt(path.origin)),
    best: path.best === true,
    from: from === "???" ? null : from,
  };
}

/** It prints well-known communities in capitals with underscores. */
const byName = (text: string): string => {
  const [high, low] = text.split(":").map(Number);
  return high !== undefined && low !== undefined && Number.isInteger(high) && Number.isInteger(low)
    ? communityName(high * 0x1_0000 + low)
    : text.toLowerCase().replaceAll("_", "-");
};

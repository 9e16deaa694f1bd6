// BIRD 2 as a router of the lab: starts from a private directory, shows its routes. Owns the command lines and the
// reading of birdc's text. Knows nothing of topologies.
// Contract: control socket and pid file are private; the machine's own BIRD is never touched.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./lab.ts";
import { type LabProcess, run } from "./process.ts";
import { communityName, type Family, type LabRoute, originOf, type RouteTable, words } from "./routes.ts";
import { type LogSource, waitFor } from "./waitFor.ts";

/** Starts BIRD with this configuration text; resolves when it answers. @throws Error when it rejects the configuration */
export async function startBird(host: Host, config: string): Promise<Bird> {
  const bird = new Bird(host, config);
  await bird.start();
  return bird;
}

export class Bird implements LogSource {
  readonly name: string;
  readonly host: Host;
  readonly dir: string;
  #process: LabProcess | null = null;

  constructor(host: Host, config: string) {
    this.name = `bird@${host.name}`;
    this.host = host;
    this.dir = join(host.dir, "bird");
    mkdirSync(this.dir, { recursive: true });
    writeFileSync(join(this.dir, "bird.conf"), `log stderr all;\n${config}\n`);
  }

  get pid(): number | null {
    return this.#process?.running === true ? this.#process.pid : null;
  }

  async start(): Promise<void> {
    const at = (name: string): string => join(this.dir, name);
    const args = ["-f", "-c", at("bird.conf"), "-s", at("bird.ctl"), "-P", at("bird.pid")];
    const process = this.host.spawn("bird", args);
    this.#process = process;
    await waitFor(
      `${this.name} to answer`,
      async () => !process.running || (await this.birdc("show status")).includes("up and running"),
      (done) => done,
      { everyMs: 10, logs: [process] },
    );
    if (!process.running) throw new Error(`${process.name} did not start:\n${process.logTail()}`);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#process?.stop(signal);
  }

  /** Runs one command of BIRD's control language. @returns the answer without the greeting. @throws CommandError */
  async birdc(command: string): Promise<string> {
    const said = await run(["birdc", "-s", join(this.dir, "bird.ctl"), command], this.host.env);
    return said.replace(/^BIRD .* ready\.\n/, "");
  }

  /** All BGP routes of one family that BIRD holds. */
  async bgpRoutes(family: Family = "ipv4-unicast"): Promise<RouteTable> {
    return readRoutes(await this.birdc("show route all where source = RTS_BGP"), family);
  }

  /** Detail of a BGP protocol: BIRD's word for its state, e.g. `Established`; `Unknown` when there is no such protocol. */
  async peerState(protocol: string): Promise<string> {
    const said = await this.birdc(`show protocols all ${protocol}`).catch(() => "");
    return /BGP state:\s+(\S+)/.exec(said)?.[1] ?? "Unknown";
  }

  logTail(lines = 20): string {
    return this.#process?.logTail(lines) ?? "";
  }

  /** What it printed, at most the last 4 MiB; that of a process before a restart on the same host included. */
  log(): string {
    return this.#process?.output() ?? "";
  }
}

/** Reads `show route all`: a line per path (the prefix stands only on the first of a prefix), attributes indented by a tab. */
export function readRoutes(text: string, family: Family): RouteTable {
  const table = new Map<string, LabRoute[]>();
  let prefix = "";
  for (const block of text.split(/\n(?=\S| )/)) {
    const [head = "", ...attributes] = block.split("\n");
    prefix = /^[0-9a-fA-F:.]+\/\d+/.exec(head)?.[0] ?? prefix;
    if (prefix === "" || !head.includes("[") || prefix.includes(":") !== (family === "ipv6-unicast")) continue;
    const paths = table.get(prefix) ?? [];
    table.set(prefix, paths);
    paths.push(readPath(prefix, head, attributes));
  }
  return table;
}

function readPath(prefix: string, head: string, lines: readonly string[]): LabRoute {
  const values = new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^\tBGP\.(\w+):\s*(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
  const number = (name: string): number | null => (values.has(name) ? Number(values.get(name)) : null);
  const tuples = (name: string): readonly (readonly number[])[] =>
    [...(values.get(name) ?? "").matchAll(/\(([^)]*)\)/g)].map((m) => (m[1] ?? "").split(",").map(Number));
  return {
    prefix,
    nextHop: words(values.get("next_hop"))[0] ?? "",
    communities: tuples("community").map(([high = 0, low = 0]) => communityName(high * 0x1_0000 + low)),
    largeCommunities: tuples("large_community").map((parts) => parts.join(":")),
    localPref: number("local_pref"),
    med: number("med"),
    asPath: words(values.get("as_path")),
    origin: originOf(values.get("origin") ?? null),
    best: /\]\s+\*/.test(head),
    from: / from ([0-9a-fA-F:.]+)\]/.exec(head)?.[1] ?? words(values.get("next_hop"))[0] ?? null,
  };
}

// FRR as a router of the lab: starts its daemons from a private directory, asks them, restarts them in place. Owns the
// command lines and the reading of FRR's JSON. Knows nothing of topologies.
// Contract: the machine's own FRR is never touched: sockets, pid files, configuration and crash files are all private
// (bgpd and zebra insist on /var/tmp/frr, so each runs with a directory of its own mounted over /var/tmp).
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "./lab.ts";
import { type LabProcess, run } from "./process.ts";
import { frrDirectory } from "./requirements.ts";
import {
  type Family,
  type LabRoute,
  listAt,
  numberAt,
  objectAt,
  originOf,
  type RouteTable,
  textAt,
  words,
} from "./routes.ts";
import { askVty } from "./vty.ts";
import { type LogSource, waitFor } from "./waitFor.ts";

/** Configuration text per daemon; a daemon runs when its text is given. zebra runs unless it is false. */
export interface FrrConfig {
  readonly bgpd?: string;
  readonly zebra?: string | false;
  readonly bfdd?: string;
  readonly ospfd?: string;
  readonly staticd?: string;
}

export type FrrDaemon = keyof FrrConfig;

/** A BGP neighbour as FRR sees it. */
export interface FrrPeer {
  /** `Idle`, `Connect`, `Active`, `OpenSent`, `OpenConfirm`, `Established`; `Unknown` when FRR has no such neighbour. */
  readonly state: string;
  readonly remoteAsn: number | null;
  readonly remoteRouterId: string | null;
  /** Milliseconds since the session came up; null while it is not up. */
  readonly upMs: number | null;
  readonly holdTimeMs: number | null;
  readonly keepaliveMs: number | null;
  readonly established: number;
  readonly dropped: number;
  /** Prefixes accepted from the neighbour, over all families. */
  readonly accepted: number;
  /** Message counters by FRR's names: opensRecv, updatesRecv, keepalivesSent, notificationsRecv, … */
  readonly messages: Readonly<Record<string, number>>;
  readonly lastReset: string | null;
  readonly lastNotification: {
    /** Whether FRR sent it or the neighbour did; null when FRR does not say. */
    readonly from: "us" | "neighbour" | null;
    readonly code: number;
    readonly subcode: number;
    readonly reason: string | null;
    /** Shutdown communication, RFC 9003. */
    readonly text: string | null;
  } | null;
  /** Everything FRR says about the neighbour. */
  readonly raw: Readonly<Record<string, unknown>>;
}

const USER = "frr";
const START_ORDER: readonly FrrDaemon[] = ["zebra", "staticd", "bfdd", "ospfd", "bgpd"];
const START_TIMEOUT_MS = 20_000;
const MOUNT_AND_EXEC = 'mount --bind "$1" /var/tmp && shift && exec "$@"';

/** Starts FRR on a host; resolves when all daemons answer. @throws Error when a daemon does not start or rejects a line */
export async function startFrr(host: Host, config: FrrConfig): Promise<Frr> {
  const frr = new Frr(host, config);
  await frr.start();
  return frr;
}

export class Frr implements LogSource {
  readonly name: string;
  readonly host: Host;
  /** Configuration, sockets and pid files of the daemons. */
  readonly dir: string;
  readonly daemons: readonly FrrDaemon[];
  readonly #programs: string;
  readonly #runAs: readonly string[];
  readonly #running = new Map<FrrDaemon, LabProcess>();

  constructor(host: Host, config: FrrConfig) {
    const programs = frrDirectory();
    if (programs === null) throw new Error("FRR is not installed");
    const texts: FrrConfig = { zebra: "", ...config };
    this.name = `frr@${host.name}`;
    this.host = host;
    this.dir = join(host.dir, "frr");
    this.daemons = START_ORDER.filter((daemon) => typeof texts[daemon] === "string");
    this.#programs = programs;
    this.#runAs = spawnSync("id", ["-u", USER]).status === 0 ? ["-u", USER, "-g", USER] : ["-u", "root", "-g", "root"];
    mkdirSync(join(this.dir, "var-tmp"), { recursive: true });
    for (const daemon of this.daemons) {
      const head = `hostname ${host.name}\nlog timestamp precision 6\n`;
      writeFileSync(join(this.dir, `${daemon}.conf`), `${head}${texts[daemon] || ""}\n`);
    }
    writeFileSync(join(this.dir, "vtysh.conf"), "");
    host.execSync("chown", ["-R", this.#runAs[1] ?? "root", this.dir]);
  }

  /** pids of the daemons that run. */
  get pids(): ReadonlyMap<FrrDaemon, number> {
    return new Map([...this.#running].filter(([, p]) => p.running).map(([daemon, p]) => [daemon, p.pid]));
  }

  /** Starts the daemons with the configuration given first; what `configure` added since is not kept, as on a real box. */
  async start(): Promise<void> {
    for (const daemon of this.daemons) {
      if (this.#running.get(daemon)?.running === true) continue;
      rmSync(this.#socket(daemon), { force: true }); // a killed daemon leaves its socket, which would look ready
      const process = this.#spawn(daemon);
      this.#running.set(daemon, process);
      await waitFor(
        `${daemon} of ${this.name} to answer`,
        async () => !process.running || (await askVty(this.#socket(daemon), "show version", 1_000)) !== "",
        (done) => done,
        { timeoutMs: START_TIMEOUT_MS, everyMs: 10, logs: [process] },
      );
      const complaints = process
        .output()
        .split("\n")
        .filter((line) => line.includes("on config line"));
      if (!process.running || complaints.length > 0) {
        throw new Error(`${process.name} did not start cleanly:\n${complaints.join("\n") || process.logTail()}`);
      }
    }
  }

  /** Ends all daemons, bgpd first. @returns when all are gone */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    for (const daemon of this.daemons.toReversed()) await this.#running.get(daemon)?.stop(signal);
  }

  /** Ends all daemons at once, without the chance to say good-bye to their neighbours. */
  async kill(): Promise<void> {
    const all = [...this.#running.values()];
    for (const process of all) process.signal("SIGKILL");
    await Promise.all(all.map((process) => process.exited));
  }

  /** For a router that hangs and comes back: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals, daemon: FrrDaemon = "bgpd"): void {
    this.#running.get(daemon)?.signal(signal);
  }

  /** Asks one daemon over its socket (0.2 ms). @throws VtyError */
  ask(daemon: FrrDaemon, command: string, timeoutMs?: number): Promise<string> {
    return askVty(this.#socket(daemon), command, timeoutMs);
  }

  /** Runs commands through the real vtysh (25 ms), which knows all daemons and configuration mode. @throws CommandError */
  vtysh(...commands: readonly string[]): Promise<string> {
    const args = [
      "--vty_socket",
      this.dir,
      "--config_dir",
      this.dir,
      ...commands.flatMap((command) => ["-c", command]),
    ];
    return run(["vtysh", ...args], this.host.env);
  }

  /** A `show … json` command as a value. BGP questions go straight to bgpd. @throws VtyError, CommandError, SyntaxError */
  async json(command: string): Promise<unknown> {
    const isBgp = /^show (ip )?bgp\b/.test(command) && this.daemons.includes("bgpd");
    return JSON.parse(isBgp ? await this.ask("bgpd", command) : await this.vtysh(command));
  }

  /** Applies configuration lines to the running daemons. @throws Error naming the line that FRR does not take */
  async configure(lines: readonly string[]): Promise<void> {
    const said = await this.vtysh("configure terminal", ...lines);
    if (/^%/m.test(said)) throw new Error(`${this.name} rejects configuration: ${said.trim()}\n${lines.join("\n")}`);
  }

  /** The BGP table of one family, own routes included. */
  async bgpRoutes(family: Family = "ipv4-unicast"): Promise<RouteTable> {
    const afi = family === "ipv4-unicast" ? "ipv4" : "ipv6";
    const table = objectAt(await this.json(`show bgp ${afi} unicast json detail`), "routes");
    return new Map(Object.entries(table).map(([prefix, paths]) => [prefix, readPaths(prefix, paths)]));
  }

  /** All paths to one prefix; empty when there is none. Cheap also in a large table. */
  async route(prefix: string): Promise<readonly LabRoute[]> {
    const afi = prefix.includes(":") ? "ipv6" : "ipv4";
    return readPaths(prefix, await this.json(`show bgp ${afi} unicast ${prefix} json`));
  }

  /** @param address of the neighbour, as configured */
  async peer(address: string): Promise<FrrPeer> {
    return readPeer(objectAt(await this.json(`show bgp neighbors ${address} json`), address));
  }

  logTail(lines = 20): string {
    return [...this.#running.values()].map((process) => `[${process.name}]\n${process.logTail(lines)}`).join("\n");
  }

  #socket(daemon: FrrDaemon): string {
    return join(this.dir, `${daemon}.vty`);
  }

  #spawn(daemon: FrrDaemon): LabProcess {
    const at = (name: string): string => join(this.dir, name);
    const own: readonly string[] =
      daemon === "bfdd"
        ? ["--bfdctl", at("bfdd.sock")]
        : daemon === "bgpd" && !this.daemons.includes("zebra")
          ? ["--no_zebra"]
          : [];
    const common = [
      "--vty_socket",
      this.dir,
      "-z",
      at("zserv.api"),
      "-i",
      at(`${daemon}.pid`),
      "-f",
      at(`${daemon}.conf`),
    ];
    // port 0: no telnet; "log stdout" puts everything into the one log file of the process
    const args = [...this.#runAs, ...common, "-P", "0", "--log", "stdout", ...own];
    const command = ["-c", MOUNT_AND_EXEC, daemon, at("var-tmp"), join(this.#programs, daemon), ...args];
    return this.host.spawn("sh", command, { name: daemon });
  }
}

/** FRR 8 lists a header and then the paths; FRR 10 has an object with `paths`. */
function readPaths(prefix: string, value: unknown): readonly LabRoute[] {
  const paths = Array.isArray(value) ? value : listAt(objectAt(value).paths);
  return paths.filter((path) => "aspath" in objectAt(path)).map((path) => readPath(prefix, objectAt(path)));
}

function readPath(prefix: string, path: Readonly<Record<string, unknown>>): LabRoute {
  const peer = textAt(objectAt(path, "peer").peerId);
  const asPath = words(objectAt(path, "aspath").string);
  return {
    prefix,
    nextHop: textAt(objectAt(listAt(path.nexthops)[0]).ip) ?? "",
    communities: words(objectAt(path, "community").string).map((c) => (c === "local-AS" ? "no-export-subconfed" : c)),
    largeCommunities: words(objectAt(path, "largeCommunity").string),
    localPref: numberAt(path.locPrf),
    med: numberAt(path.metric),
    asPath: asPath[0] === "Local" ? [] : asPath,
    origin: originOf(textAt(path.origin)),
    best: objectAt(path, "bestpath").overall === true,
    from: path.sourced === true || path.local === true ? null : peer,
  };
}

function readPeer(raw: Readonly<Record<string, unknown>>): FrrPeer {
  const families = Object.values(objectAt(raw.addressFamilyInfo));
  const counters = Object.entries(objectAt(raw.messageStats)).map(([name, n]) => [name, numberAt(n) ?? 0] as const);
  return {
    state: textAt(raw.bgpState) ?? "Unknown",
    remoteAsn: numberAt(raw.remoteAs),
    remoteRouterId: textAt(raw.remoteRouterId),
    upMs: raw.bgpState === "Established" ? numberAt(raw.bgpTimerUpMsec) : null,
    holdTimeMs: numberAt(raw.bgpTimerHoldTimeMsecs),
    keepaliveMs: numberAt(raw.bgpTimerKeepAliveIntervalMsecs),
    established: numberAt(raw.connectionsEstablished) ?? 0,
    dropped: numberAt(raw.connectionsDropped) ?? 0,
    accepted: families.reduce<number>((sum, f) => sum + (numberAt(objectAt(f).acceptedPrefixCounter) ?? 0), 0),
    messages: Object.fromEntries(counters),
    lastReset: textAt(raw.lastResetDueTo),
    lastNotification: readNotification(raw),
    raw,
  };
}

/** FRR keeps code and subcode as four hexadecimal digits. */
function readNotification(raw: Readonly<Record<string, unknown>>): FrrPeer["lastNotification"] {
  const code = textAt(raw.lastErrorCodeSubcode);
  if (code === null) return null;
  const reset = textAt(raw.lastResetDueTo) ?? "";
  return {
    from: /received/i.test(reset) ? "neighbour" : /sent|send/i.test(reset) ? "us" : null,
    code: Number.parseInt(code.slice(0, 2), 16),
    subcode: Number.parseInt(code.slice(2, 4), 16),
    reason: textAt(raw.lastNotificationReason),
    text: textAt(raw.lastShutdownDescription),
  };
}

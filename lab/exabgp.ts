// ExaBGP as a router of the lab: it keeps no table, so what it reports of each UPDATE is put together here. Owns its
// environment, the pipe for commands and the reading of its JSON. Knows nothing of topologies.
// Contract: it runs in the foreground with a directory of its own, so the machine's ExaBGP is never touched. The file of
// events starts anew with the program, as a router's table does.
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Host } from "./lab.ts";
import { type LabProcess, runSync } from "./process.ts";
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
} from "./routes.ts";
import { type LogSource, waitFor } from "./waitFor.ts";

/** Name of the process to put into `api { processes [ watch ]; }` of the neighbour. */
const WATCH = "watch";
const NEWLINE = 10;

/** Starts ExaBGP with these neighbours; resolves when it is at work. @throws Error when it rejects the configuration */
export async function startExabgp(host: Host, neighbors: string, listenOn: string): Promise<Exabgp> {
  const exabgp = new Exabgp(host, neighbors, listenOn);
  await exabgp.start();
  return exabgp;
}

export class Exabgp implements LogSource {
  readonly name: string;
  readonly host: Host;
  readonly dir: string;
  readonly #listenOn: string;
  /** Octets of the file of events that have been read. */
  #read = 0;
  #events: JsonObject[] = [];
  readonly #routes = new Map<string, readonly LabRoute[]>();
  #process: LabProcess | null = null;

  /** @param neighbors `neighbor` blocks @param listenOn local address for connections from them */
  constructor(host: Host, neighbors: string, listenOn: string) {
    this.name = `exabgp@${host.name}`;
    this.host = host;
    this.dir = join(host.dir, "exabgp");
    this.#listenOn = listenOn;
    mkdirSync(this.dir);
    const [events, commands] = [this.#at("events"), this.#at("commands")];
    const watch = this.#at("watch.sh");
    // what it says goes into a file, what it is told comes through the pipe
    writeFileSync(watch, `#!/bin/sh\nexec 3<>${commands}\ncat <&3 &\nexec cat >>${events}\n`);
    chmodSync(watch, 0o755);
    writeFileSync(this.#at("exabgp.conf"), `process ${WATCH} {\n  run ${watch};\n  encoder json;\n}\n${neighbors}\n`);
  }

  get pid(): number | null {
    return this.#process?.running === true ? this.#process.pid : null;
  }

  async start(): Promise<void> {
    // new files, so that what a killed predecessor left running reads and writes elsewhere
    for (const name of ["events", "commands"]) rmSync(this.#at(name), { force: true });
    this.#read = 0;
    this.#events = [];
    this.#routes.clear();
    runSync(["mkfifo", this.#at("commands")], this.host.env);
    const process = this.host.spawn("exabgp", [this.#at("exabgp.conf")], { env: this.#environment() });
    this.#process = process;
    await waitFor(
      `${this.name} to be at work`,
      () => !process.running || existsSync(this.#at("events")),
      (done) => done,
      { logs: [process] },
    );
    if (!process.running) throw new Error(`${process.name} did not start:\n${process.logTail()}`);
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    await this.#process?.stop(signal);
  }

  /** Runs one command of its text interface. */
  tell(command: string): void {
    const pipe = openSync(this.#at("commands"), "r+"); // for reading, too: opening must not wait for a reader
    writeSync(pipe, `${command}\n`);
    closeSync(pipe);
  }

  /** What it reported since it started but UPDATEs, oldest first. */
  events(): readonly JsonObject[] {
    this.#catchUp();
    return this.#events;
  }

  /** What the neighbours have advertised and not withdrawn, over the sessions that are up. */
  bgpRoutes(family: Family = "ipv4-unicast"): RouteTable {
    this.#catchUp();
    return new Map([...this.#routes].filter(([prefix]) => prefix.includes(":") === (family === "ipv6-unicast")));
  }

  /** Prefixes in the tables of both families. */
  routeCount(): number {
    this.#catchUp();
    return this.#routes.size;
  }

  /** `Established` or `Idle`: it reports only when a session comes and goes. */
  peerState(): string {
    const states = this.events().filter((e) => e.type === "state");
    return objectAt(states.at(-1)?.neighbor).state === "up" ? "Established" : "Idle";
  }

  /** Reads what has been added to the file of events, whole lines only. */
  #catchUp(): void {
    if (!existsSync(this.#at("events"))) return;
    const file = openSync(this.#at("events"), "r");
    try {
      const added = Buffer.alloc(fstatSync(file).size - this.#read);
      const size = readSync(file, added, 0, added.length, this.#read);
      const end = added.subarray(0, size).lastIndexOf(NEWLINE) + 1;
      this.#read += end;
      for (const line of added.toString("utf8", 0, end).split("\n")) {
        if (line !== "") this.#take(objectAt(JSON.parse(line)));
      }
    } finally {
      closeSync(file);
    }
  }

  #take(event: JsonObject): void {
    const neighbor = objectAt(event.neighbor);
    if (event.type !== "update") this.#events.push(event);
    if (event.type === "state" && neighbor.state === "down") this.#routes.clear();
    const update = objectAt(neighbor.message, "update");
    for (const nlri of Object.values(objectAt(update.withdraw)).flatMap(listAt)) this.#routes.delete(prefixOf(nlri));
    for (const [nextHop, list] of Object.values(objectAt(update.announce)).flatMap((f) =>
      Object.entries(objectAt(f)),
    )) {
      for (const nlri of listAt(list)) {
        const prefix = prefixOf(nlri);
        const route = readRoute(prefix, nextHop, objectAt(update.attribute), objectAt(neighbor.address));
        this.#routes.set(prefix, [route]);
      }
    }
  }

  logTail(lines = 20): string {
    return this.#process?.logTail(lines) ?? "";
  }

  #at(name: string): string {
    return join(this.dir, name);
  }

  #environment(): Readonly<Record<string, string>> {
    return {
      "exabgp.tcp.bind": this.#listenOn,
      "exabgp.tcp.port": "179",
      "exabgp.daemon.daemonize": "false",
      "exabgp.daemon.user": "root",
      "exabgp.api.cli": "false",
      "exabgp.api.ack": "false",
      "exabgp.log.destination": "stdout",
      "exabgp.log.level": "INFO",
    };
  }
}

const prefixOf = (nlri: unknown): string => textAt(objectAt(nlri).nlri) ?? "";

function readRoute(prefix: string, nextHop: string, attribute: JsonObject, address: JsonObject): LabRoute {
  const tuples = (value: unknown): readonly (readonly number[])[] => listAt(value).map((t) => listAt(t).map(Number));
  return {
    prefix,
    nextHop,
    communities: tuples(attribute.community).map(([high = 0, low = 0]) => communityName(high * 0x1_0000 + low)),
    largeCommunities: tuples(attribute["large-community"]).map((parts) => parts.join(":")),
    localPref: numberAt(attribute["local-preference"]),
    med: numberAt(attribute.med),
    asPath: listAt(attribute["as-path"]).map(String),
    origin: originOf(textAt(attribute.origin)),
    best: true,
    from: textAt(address.peer),
  };
}

// A laboratory: hosts as network namespaces, veth links between them, programs inside them. Owns names, addresses and
// the lifetime of all of it. Knows nothing of BGP; routers are in frr.ts, bird.ts, gobgp.ts.
// Contract: nothing is ever made in the machine's own namespace (both ends of a veth are born in their host's namespace);
// labs side by side never clash; after close(), or the death of this process by whatever cause, nothing is left.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { claimLab, cleanLab, LAB_MARK, type LabIdentity, reapStaleLabs, watchLab } from "./cleanup.ts";
import { type Environment, type ExecOptions, LabProcess, run, runSync, type SpawnOptions } from "./process.ts";

/** One or more addresses with prefix length, e.g. `192.0.2.1/30`. */
export type Addresses = string | readonly string[];

export interface LinkOptions {
  readonly addressA?: Addresses;
  readonly addressB?: Addresses;
  /** Octets; default 1500. */
  readonly mtu?: number;
}

/** The two interfaces of a link, as named inside their hosts. */
export interface Link {
  readonly interfaceA: string;
  readonly interfaceB: string;
}

const HOST_NAME = /^[a-z][a-z0-9-]{0,10}$/; // "to-" and a digit more must fit the kernel's 15 characters

const openLabs = new Set<Lab>();
let exitHook = false;

/**
 * Makes an empty lab, after taking away what dead labs left behind.
 * @param name shown in messages only
 * @throws Error when this machine cannot (see labProblem)
 */
export function createLab(name = "lab"): Lab {
  reapStaleLabs();
  if (!exitHook) {
    exitHook = true;
    // the watchdog would do the same a moment later; this way nothing is left when the shell prompt is back
    process.on("exit", () => {
      for (const lab of openLabs) cleanLab(lab);
    });
  }
  return new Lab(name, claimLab());
}

export class Lab {
  readonly name: string;
  /** Six hexadecimal digits, part of every namespace name. */
  readonly id: string;
  /** Holds all configuration, sockets and logs of this lab; gone after close(). */
  readonly dir: string;
  readonly #hosts = new Map<string, Host>();
  readonly #watchdog: ChildProcess;
  #closing: Promise<void> | null = null;

  constructor(name: string, identity: LabIdentity) {
    this.name = name;
    this.id = identity.id;
    this.dir = identity.dir;
    this.#watchdog = watchLab(identity);
    openLabs.add(this);
  }

  get hosts(): Iterable<Host> {
    return this.#hosts.values();
  }

  /**
   * The host of that name; made on first use.
   * @param name up to 11 lower-case letters, digits and dashes
   */
  host(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    if (this.#closing !== null) throw new Error(`lab ${this.name} is closed`);
    if (!HOST_NAME.test(name)) throw new Error(`host name ${JSON.stringify(name)} must match ${HOST_NAME.source}`);
    const host = new Host(this, name);
    this.#hosts.set(name, host);
    return host;
  }

  /** Connects two hosts by a cable of their own. Interfaces are named `to-<other host>`, with a digit from the second on. */
  link(a: Host, b: Host, options: LinkOptions = {}): Link {
    const link: Link = { interfaceA: a.freeInterface(b), interfaceB: b.freeInterface(a) };
    const mtu = ["mtu", String(options.mtu ?? 1500)];
    const end = ["type", "veth", "peer", "name", link.interfaceB, "netns", b.namespace, ...mtu];
    runSync(["ip", "link", "add", link.interfaceA, "netns", a.namespace, ...mtu, ...end], a.env);
    a.useInterface(link.interfaceA);
    b.useInterface(link.interfaceB);
    // only now, with the cable plugged at both ends: an IPv6 address given earlier takes 2 s to come alive
    for (const address of listOf(options.addressA)) a.addAddress(link.interfaceA, address);
    for (const address of listOf(options.addressB)) b.addAddress(link.interfaceB, address);
    return link;
  }

  /**
   * Connects a host to a shared segment, which is a host of its own that holds a bridge.
   * @param segment name of the segment; made on first use
   * @returns the interface of `host`: `to-<segment>`
   */
  attach(host: Host, segment: string, address?: Addresses): string {
    const known = this.#hosts.has(segment);
    const bridge = this.host(segment);
    if (!known) bridge.ip("link", "add", "bridge", "up", "type", "bridge", "stp_state", "0");
    const link = this.link(host, bridge, address === undefined ? {} : { addressA: address });
    bridge.ip("link", "set", link.interfaceB, "master", "bridge");
    return link.interfaceA;
  }

  /** Ends the programs and takes away namespaces and directory. Idempotent, never throws for what is already gone. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const processes = [...this.#hosts.values()].flatMap((host) => host.processes);
    for (const process of processes) process.signal("SIGKILL");
    await Promise.all(processes.map((process) => process.exited));
    cleanLab(this);
    openLabs.delete(this);
    this.#watchdog.ref(); // else a program whose last act is this close would end before it
    if (this.#watchdog.exitCode === null && this.#watchdog.signalCode === null && this.#watchdog.kill("SIGKILL")) {
      await once(this.#watchdog, "exit");
    }
  }
}

/** One machine of the lab: a network namespace with its own interfaces, routes and programs, and a directory. */
export class Host {
  readonly name: string;
  readonly namespace: string;
  readonly dir: string;
  /** Of every program on this host: nothing of the caller's environment but PATH, so that runs are repeatable. */
  readonly env: Environment;
  readonly #processes: LabProcess[] = [];
  readonly #interfaces = new Set<string>();

  constructor(lab: Lab, name: string) {
    this.name = name;
    this.namespace = `vc-${lab.id}-${name}`;
    this.dir = join(lab.dir, name);
    this.env = {
      PATH: `${process.env.PATH ?? ""}:/usr/sbin:/usr/bin:/sbin:/bin`,
      HOME: this.dir,
      LANG: "C.UTF-8",
      [LAB_MARK]: lab.id,
    };
    mkdirSync(this.dir);
    runSync(["ip", "netns", "add", this.namespace], this.env);
    this.ip("link", "set", "lo", "up");
    this.sysctl("net.ipv6.conf.default.accept_dad", "0"); // addresses, also link-local ones, are usable at once
    this.sysctl("net.ipv6.conf.default.keep_addr_on_down", "1"); // as IPv4 does: a flap is not a reconfiguration
  }

  /** Long-running programs started so far, ended ones included. */
  get processes(): readonly LabProcess[] {
    return this.#processes;
  }

  /** Runs a command in the namespace. @returns stdout. @throws CommandError */
  exec(command: string, args: readonly string[] = [], options?: ExecOptions): Promise<string> {
    return run(this.#inside(command, args), this.env, options);
  }

  /** As `exec`, blocking: a few milliseconds each, for building and for exact points in time. */
  execSync(command: string, args: readonly string[] = [], options?: ExecOptions): string {
    return runSync(this.#inside(command, args), this.env, options);
  }

  /** Starts a program in the namespace; its pid is that of the program itself. */
  spawn(command: string, args: readonly string[] = [], options: SpawnOptions = {}): LabProcess {
    const name = options.name ?? command.slice(command.lastIndexOf("/") + 1);
    const log = join(this.dir, `${name}.log`);
    const started = new LabProcess(this.#inside(command, args), this.env, log, {
      ...options,
      name: `${name}@${this.name}`,
    });
    this.#processes.push(started);
    return started;
  }

  /** `ip <args>` for this host, without a process inside it. @returns stdout */
  ip(...args: readonly string[]): string {
    return runSync(["ip", "-n", this.namespace, ...args], this.env);
  }

  setLink(name: string, state: "up" | "down"): void {
    this.ip("link", "set", name, state);
  }

  /** @param address with prefix length */
  addAddress(interfaceName: string, address: string): void {
    this.ip("address", "add", address, "dev", interfaceName);
  }

  /** @param destination prefix or `default` */
  addRoute(destination: string, via: string): void {
    this.ip("route", "add", destination, "via", via);
  }

  /** @param key as in `net.ipv4.ip_forward`; settings below `net` belong to the namespace alone, others are refused */
  sysctl(key: string, value: string): void {
    if (!/^net(\.[A-Za-z0-9_-]+)+$/.test(key)) throw new Error(`${key}: only settings below net are the host's own`);
    this.execSync("sh", ["-c", `printf %s "$2" > "$1"`, "sysctl", `/proc/sys/${key.replaceAll(".", "/")}`, value]);
  }

  /** Lets the host pass packets on between its interfaces. */
  enableForwarding(): void {
    this.sysctl("net.ipv4.ip_forward", "1");
    this.sysctl("net.ipv6.conf.all.forwarding", "1");
  }

  /** Writes a file into the host's directory. @returns its path */
  writeFile(name: string, text: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, text);
    return path;
  }

  /** Name for the next interface towards another host. */
  freeInterface(other: Host): string {
    const base = `to-${other.name}`;
    let name = base;
    for (let n = 2; this.#interfaces.has(name); n++) name = `${base}${n}`;
    return name;
  }

  /** Takes a new interface into use. */
  useInterface(name: string): void {
    this.#interfaces.add(name);
    this.setLink(name, "up");
  }

  #inside(command: string, args: readonly string[]): readonly string[] {
    return ["ip", "netns", "exec", this.namespace, command, ...args];
  }
}

const listOf = (addresses: Addresses = []): readonly string[] =>
  typeof addresses === "string" ? [addresses] : addresses;

// SHELL: FRR's bgpd beside us, on loopback and alone: without zebra, so that nothing reaches the machine's routing table.
// Owns its configuration and its command line. Knows no stop watch. Contract: the machine's own FRR is never touched: bgpd
// insists on /var/tmp/frr, so it runs with a directory of the workshop mounted over /var/tmp, which takes root.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LabProcess, run } from "../lab/process.ts";
import { frrDirectory } from "../lab/requirements.ts";
import { until, type Workshop } from "./children.ts";
import { SINK_ASN } from "./sink.ts";

const MOUNT_AND_EXEC = 'mount --bind "$1" /var/tmp && shift && exec "$@"';

/** Path of FRR's bgpd; null when it is not installed or must not be started. */
export function frrProgram(): string | null {
  const directory = frrDirectory();
  return directory === null || process.getuid?.() !== 0 ? null : join(directory, "bgpd");
}

export class FrrInjector {
  readonly #workshop: Workshop;
  readonly #sinkPort: number;
  readonly #dir: string;

  constructor(workshop: Workshop, sinkPort: number) {
    this.#workshop = workshop;
    this.#sinkPort = sinkPort;
    this.#dir = join(workshop.dir, "frr");
  }

  /** Writes the configuration. @param maps `route-map` blocks @param networks `network` lines */
  configure(maps: string, networks: string): void {
    mkdirSync(join(this.#dir, "var-tmp"), { recursive: true });
    writeFileSync(join(this.#dir, "vtysh.conf"), "");
    writeFileSync(
      join(this.#dir, "bgpd.conf"),
      `frr defaults datacenter
bgp route-map delay-timer 0
${maps}
router bgp 65001
 bgp router-id 10.255.255.1
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor 127.0.0.1 remote-as ${SINK_ASN}
 neighbor 127.0.0.1 port ${this.#sinkPort}
 neighbor 127.0.0.1 ebgp-multihop
 neighbor 127.0.0.1 timers connect 1
 address-family ipv4 unicast
${networks}
`,
    );
  }

  start(): LabProcess {
    const at = (name: string): string => join(this.#dir, name);
    // it leaves root for a user of its own, who must reach its files
    chmodSync(this.#workshop.dir, 0o711);
    spawnSync("chown", ["-R", "frr:frr", this.#dir]);
    const sockets = ["--vty_socket", this.#dir, "-z", at("zserv.api"), "-i", at("pid"), "-P", "0", "-p", "0"];
    const bgpd = [frrProgram() ?? "bgpd", "-f", at("bgpd.conf"), ...sockets, "--no_zebra", "--log", "stdout"];
    return this.#workshop.start(["unshare", "-m", "sh", "-c", MOUNT_AND_EXEC, "bgpd", at("var-tmp"), ...bgpd]);
  }

  /** Resolves when it has read its configuration. */
  async ready(program: LabProcess): Promise<void> {
    await until("bgpd's vty", [program], () => (existsSync(join(this.#dir, "bgpd.vty")) ? true : null));
  }

  /** Commands in configuration mode. @throws CommandError */
  command(...lines: readonly string[]): Promise<string> {
    const args = ["configure terminal", ...lines].flatMap((line) => ["-c", line]);
    const command = ["vtysh", "--vty_socket", this.#dir, "--config_dir", this.#dir, ...args];
    return run(command, this.#workshop.env, { timeoutMs: 60_000 });
  }
}

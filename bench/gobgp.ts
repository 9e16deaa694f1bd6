// SHELL: GoBGP beside us, on loopback. Owns its configuration and its command-line client. Knows no stop watch.
// Contract: the daemon's API listens on loopback alone and BGP not at all; everything else is in the workshop.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type LabProcess, run } from "../lab/process.ts";
import { until, type Workshop } from "./children.ts";
import { SINK_ASN } from "./sink.ts";

export class GobgpInjector {
  readonly #workshop: Workshop;
  readonly #sinkPort: number;
  readonly #apiPort: string;

  constructor(workshop: Workshop, sinkPort: number) {
    this.#workshop = workshop;
    this.#sinkPort = sinkPort;
    this.#apiPort = String(sinkPort + 12_002);
  }

  /** Resolves when the daemon answers. */
  async start(): Promise<LabProcess> {
    const config = join(this.#workshop.dir, "gobgpd.toml");
    writeFileSync(config, configuration(this.#sinkPort));
    const api = ["--api-hosts", `127.0.0.1:${this.#apiPort}`];
    const program = this.#workshop.start(["gobgpd", "-f", config, ...api, "--pprof-disable"]);
    await until("an answer of gobgpd", [program], () => this.client(["global"]).catch(() => null));
    return program;
  }

  /** @throws CommandError */
  client(args: readonly string[], timeoutMs = 10_000): Promise<string> {
    return run(["gobgp", "-p", this.#apiPort, ...args], this.#workshop.env, { timeoutMs });
  }
}

const configuration = (sinkPort: number): string => `[global.config]
  as = 65001
  router-id = "10.255.255.1"
  port = -1
[[neighbors]]
  [neighbors.config]
    neighbor-address = "127.0.0.1"
    peer-as = ${SINK_ASN}
  [neighbors.transport.config]
    local-address = "127.0.0.2"
    remote-port = ${sinkPort}
  [neighbors.timers.config]
    connect-retry = 1
    idle-hold-time-after-reset = 1
`;

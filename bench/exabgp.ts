// SHELL: ExaBGP beside us, on loopback: its configuration and the pipe for commands of the process interface. Knows no stop
// watch. Contract: everything is in the workshop. The process is `cat` on a named pipe, the shortest way into ExaBGP.
import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { LabProcess } from "../lab/process.ts";
import type { Workshop } from "./children.ts";
import { SINK_ASN } from "./sink.ts";

export class ExabgpInjector {
  readonly program: LabProcess;
  readonly #pipe: number;

  /** Starts ExaBGP with these `route` lines. */
  constructor(workshop: Workshop, sinkPort: number, routes: readonly string[]) {
    const fifo = join(workshop.dir, "commands");
    spawnSync("mkfifo", [fifo], { env: workshop.env, timeout: 5_000 });
    // for reading, too: so that opening does not wait for ExaBGP, and the pipe never ends
    this.#pipe = openSync(fifo, "r+");
    const config = join(workshop.dir, "exabgp.conf");
    writeFileSync(config, configuration(fifo, routes));
    this.program = workshop.start(["exabgp", config], environment(sinkPort));
  }

  command(text: string): void {
    writeSync(this.#pipe, `${text}\n`);
  }

  close(): void {
    closeSync(this.#pipe);
  }
}

const environment = (sinkPort: number): Readonly<Record<string, string>> => ({
  "exabgp.tcp.port": String(sinkPort),
  "exabgp.tcp.bind": "",
  "exabgp.daemon.daemonize": "false",
  "exabgp.daemon.user": "root",
  "exabgp.api.cli": "false",
  "exabgp.api.ack": "false",
  "exabgp.log.destination": "stdout",
  "exabgp.log.level": "WARNING",
});

const configuration = (fifo: string, routes: readonly string[]): string => `process commands {
  run /bin/cat ${fifo};
  encoder text;
}
neighbor 127.0.0.1 {
  router-id 10.255.255.1;
  local-address 127.0.0.2;
  local-as 65001;
  peer-as ${SINK_ASN};
  hold-time 180;
  api { processes [ commands ]; }
  static {
${routes.join("\n")}
  }
}
`;

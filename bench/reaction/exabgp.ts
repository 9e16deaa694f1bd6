// SHELL: ExaBGP's text interface: commands through the pipe of a process that it runs. Owns its configuration.
// Contract: as in injector.ts. The process is `cat` on a named pipe, the shortest way from us into ExaBGP.
import { spawnSync } from "node:child_process";
import { closeSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { addressOf, dottedQuad } from "../inject/table.ts";
import { SINK_ASN } from "../sink.ts";
import type { Way } from "./injector.ts";

export const exabgpPipe: Way = {
  who: "exabgp",
  how: "command written into its pipe",
  async start(workshop, sinkPort, count) {
    const fifo = join(workshop.dir, "commands");
    spawnSync("mkfifo", [fifo], { env: workshop.env, timeout: 5_000 });
    // for reading, too: so that opening does not wait for ExaBGP, and the pipe never ends
    const pipe = openSync(fifo, "r+");
    const config = join(workshop.dir, "exabgp.conf");
    writeFileSync(config, configuration(fifo, count));
    const program = workshop.start(["exabgp", config], environment(sinkPort));
    return {
      program,
      prepare(route, isAnnounced) {
        const verb = isAnnounced ? "announce" : "withdraw";
        const command = `${verb} route ${dottedQuad(addressOf(route))}/32 next-hop 127.0.0.2\n`;
        return () => void writeSync(pipe, command);
      },
      ownFigures: () => [],
      close: () => closeSync(pipe),
    };
  },
};

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

const configuration = (fifo: string, count: number): string => `process commands {
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
${Array.from({ length: count }, (_, i) => `    route ${dottedQuad(addressOf(i))}/32 next-hop 127.0.0.2;`).join("\n")}
  }
}
`;

// SHELL: GoBGP's command-line client, the interface that its documentation shows for changing a route. Owns its
// configuration. Contract: as in injector.ts; the daemon's API listens on loopback alone and BGP not at all.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../lab/process.ts";
import { until } from "../children.ts";
import { addressOf, dottedQuad } from "../inject/table.ts";
import { SINK_ASN } from "../sink.ts";
import type { Way } from "./injector.ts";

export const gobgpCli: Way = {
  who: "gobgp",
  how: "`gobgp global rib add` and `del`",
  async start(workshop, sinkPort, count) {
    const config = join(workshop.dir, "gobgpd.toml");
    writeFileSync(config, configuration(sinkPort));
    const apiPort = String(sinkPort + 12_002);
    const api = ["--api-hosts", `127.0.0.1:${apiPort}`];
    const program = workshop.start(["gobgpd", "-f", config, ...api, "--pprof-disable"]);
    const gobgp = (...args: readonly string[]): Promise<string> => run(["gobgp", "-p", apiPort, ...args], workshop.env);
    const change = (route: number, verb: "add" | "del"): Promise<string> =>
      gobgp("global", "rib", verb, `${dottedQuad(addressOf(route))}/32`, ...(verb === "add" ? NEXT_HOP : []));
    await until("an answer of gobgpd", [program], () => gobgp("global").catch(() => null));
    // it has no other way in than its API: ten clients at a time fill the table
    for (let i = 0; i < count; i += 10) {
      await Promise.all(Array.from({ length: Math.min(10, count - i) }, (_, k) => change(i + k, "add")));
    }
    return {
      program,
      prepare: (route, isAnnounced) => () => change(route, isAnnounced ? "add" : "del"),
      ownFigures: () => [],
      close() {},
    };
  },
};

const NEXT_HOP = ["nexthop", "127.0.0.2"];

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

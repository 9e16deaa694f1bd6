// The matrix with ExaBGP. Owns the words for ExaBGP.
import { spawnSync } from "node:child_process";
import { type Exabgp, startExabgp } from "../../../lab/exabgp.ts";
import { runMatrix } from "./matrix.ts";
import { addressesOf, type MatrixRouter, type Plan, ROUTER_ID } from "./router.ts";

runMatrix({
  router: "exabgp",
  name: "ExaBGP",
  version: () => /ExaBGP : (\S+)/.exec(spawnSync("exabgp", ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? "?",
  cannot: {
    routerShutdown: "its teardown carries no text",
    gtsm: "it leaves the TTL of connections that it accepts at 64",
    gracefulRestart: "it keeps no table",
    ourText: "its reader of shutdown texts fails on every text (TypeError in notification.py)",
  },
  deviates: {},
  maxAdvertised: 1_000,
  installsRoutes: false,
  launch: async (host, plan) =>
    asMatrixRouter(await startExabgp(host, configuration(plan), addressesOf(plan).router), plan),
});

function asMatrixRouter(exabgp: Exabgp, plan: Plan): MatrixRouter {
  const { speaker } = addressesOf(plan);
  return {
    name: exabgp.name,
    logTail: (lines) => exabgp.logTail(lines),
    start: () => exabgp.start(),
    stop: (signal) => exabgp.stop(signal),
    bgpRoutes: async (family) => exabgp.bgpRoutes(family),
    learned: async () => exabgp.routeCount(),
    isEstablished: async () => exabgp.peerState() === "Established",
    refresh: async () => {
      for (const family of plan.families) {
        exabgp.tell(`neighbor ${speaker} announce route-refresh ${family.replace("-", " ")}`);
      }
    },
    shutdown: async () => exabgp.tell(`neighbor ${speaker} teardown 2`),
    heard: async () => JSON.stringify(exabgp.events().filter((e) => e.type === "notification")),
  };
}

function configuration(plan: Plan): string {
  const { speaker, router } = addressesOf(plan);
  return `neighbor ${speaker} {
  router-id ${ROUTER_ID};
  local-address ${router};
  local-as ${plan.routerAsn};
  peer-as ${plan.speakerAsn};
  hold-time 180;
  ${plan.dials ? "" : "passive;"}
  ${plan.password === null ? "" : `md5-password '${plan.password}';`}
  ${plan.gtsm ? "outgoing-ttl 255;\n  incoming-ttl 255;" : ""}
  capability { route-refresh enable; }
  family {
${plan.families.map((family) => `    ${family.replace("-", " ")};`).join("\n")}
  }
  api {
    processes [ watch ];
    neighbor-changes;
    receive { parsed; update; notification; }
  }
  static {
${plan.advertises.map((prefix) => `    route ${prefix} next-hop ${prefix.includes(":") ? "2001:db8:0:1::2" : "192.0.2.2"};`).join("\n")}
  }
}`;
}

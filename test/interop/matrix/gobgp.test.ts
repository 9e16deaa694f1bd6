// The matrix with GoBGP. Owns the words for GoBGP.
import { spawnSync } from "node:child_process";
import { type Gobgp, startGobgp } from "../../../lab/gobgp.ts";
import { runMatrix } from "./matrix.ts";
import { addressesOf, type MatrixRouter, type Plan, ROUTER_ID } from "./router.ts";

runMatrix({
  router: "gobgp",
  name: "GoBGP",
  version: () => /version (\S+)/.exec(spawnSync("gobgpd", ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? "?",
  cannot: {
    refresh: "softresetin works on its own copy of what it received; it never sends a ROUTE-REFRESH",
  },
  deviates: {},
  notes: {
    routerAdvertises: "50 prefixes in all; 1,000 from the others",
    speakerRestarts: "after each it refuses connections for 5 s",
    passive: "after the session's end it takes up to half a minute to dial again",
  },
  maxAdvertised: 50, // each one is a call of its client
  installsRoutes: false,
  launch: async (host, plan) => {
    const router = asMatrixRouter(await startGobgp(host, configuration(plan)), plan);
    await router.advertise();
    return router;
  },
});

function asMatrixRouter(gobgp: Gobgp, plan: Plan): MatrixRouter & { advertise(): Promise<void> } {
  const { speaker } = addressesOf(plan);
  const advertise = async (): Promise<void> => {
    for (const prefix of plan.advertises) {
      await gobgp.gobgp("global", "rib", "add", prefix, "-a", prefix.includes(":") ? "ipv6" : "ipv4");
    }
  };
  const said = (): Promise<string> => gobgp.gobgp("neighbor", speaker);
  return {
    name: gobgp.name,
    logTail: (lines) => gobgp.logTail(lines),
    advertise,
    start: async () => {
      await gobgp.start();
      await advertise();
    },
    stop: (signal) => gobgp.stop(signal),
    bgpRoutes: (family) => gobgp.bgpRoutes(family),
    learned: async () => [...(await said()).matchAll(/Accepted:\s+(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0),
    isEstablished: async () => (await gobgp.peerState(speaker)) === "Established",
    refresh: async () => void (await gobgp.gobgp("neighbor", speaker, "softresetin")),
    shutdown: async (text) => void (await gobgp.gobgp("neighbor", speaker, "shutdown", "--reason", text)),
    heard: async () => gobgp.logTail(50),
  };
}

function configuration(plan: Plan): string {
  const { speaker } = addressesOf(plan);
  const families = plan.families.map(
    (family) => `  [[neighbors.afi-safis]]
    [neighbors.afi-safis.config]
      afi-safi-name = "${family}"
${plan.gracefulRestart ? "    [neighbors.afi-safis.mp-graceful-restart.config]\n      enabled = true" : ""}`,
  );
  return `[global.config]
  as = ${plan.routerAsn}
  router-id = "${ROUTER_ID}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${speaker}"
    peer-as = ${plan.speakerAsn}
    ${plan.password === null ? "" : `auth-password = "${plan.password}"`}
  [neighbors.transport.config]
    passive-mode = ${!plan.dials}
  [neighbors.timers.config]
    connect-retry = 1
    hold-time = 90
    keepalive-interval = 30
    idle-hold-time-after-reset = 1
${plan.gtsm ? "  [neighbors.ttl-security.config]\n    enabled = true\n    ttl-min = 255" : ""}
${plan.gracefulRestart ? "  [neighbors.graceful-restart.config]\n    enabled = true\n    restart-time = 20" : ""}
${families.join("\n")}`;
}

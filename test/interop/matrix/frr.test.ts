// The matrix with FRR. Owns the words for FRR.
import { type Frr, startFrr } from "../../../lab/frr.ts";
import { frrVersion } from "../versions.ts";
import { runMatrix } from "./matrix.ts";
import { addressesOf, type MatrixRouter, type Plan, ROUTER_ID } from "./router.ts";

runMatrix({
  router: "frr",
  name: "FRR",
  version: frrVersion,
  cannot: {},
  deviates: {},
  maxAdvertised: 1_000,
  installsRoutes: true,
  launch: async (host, plan) => asMatrixRouter(await startFrr(host, { bgpd: configuration(plan) }), plan),
});

function asMatrixRouter(frr: Frr, plan: Plan): MatrixRouter {
  const { speaker } = addressesOf(plan);
  return {
    name: frr.name,
    logTail: (lines) => frr.logTail(lines),
    start: () => frr.start(),
    stop: (signal) => frr.stop(signal),
    bgpRoutes: (family) => frr.bgpRoutes(family),
    learned: async () => (await frr.peer(speaker)).accepted,
    isEstablished: async () => (await frr.peer(speaker)).state === "Established",
    refresh: async () => void (await frr.ask("bgpd", "clear bgp * soft in")),
    shutdown: (text) => frr.configure([`router bgp ${plan.routerAsn}`, `neighbor ${speaker} shutdown message ${text}`]),
    heard: async () => (await frr.peer(speaker)).lastNotification?.text ?? "",
  };
}

function configuration(plan: Plan): string {
  const { speaker } = addressesOf(plan);
  const neighbor = [
    `remote-as ${plan.speakerAsn}`,
    "timers connect 1",
    ...(plan.dials ? [] : ["passive"]),
    ...(plan.password === null ? [] : [`password ${plan.password}`]),
    ...(plan.gtsm ? ["ttl-security hops 1"] : []),
    ...(plan.gracefulRestart ? ["graceful-restart-helper"] : []),
  ];
  const family = (name: "ipv4" | "ipv6", isOurs: (prefix: string) => boolean): readonly string[] => [
    ` address-family ${name} unicast`,
    ...plan.advertises.filter(isOurs).map((prefix) => `  network ${prefix}`),
    `  ${plan.families.includes(`${name}-unicast`) ? "" : "no "}neighbor ${speaker} activate`,
    " exit-address-family",
  ];
  return [
    `router bgp ${plan.routerAsn}`,
    ` bgp router-id ${ROUTER_ID}`,
    " no bgp ebgp-requires-policy", // RFC 8212 would have it take nothing without a policy
    " no bgp network import-check",
    " bgp log-neighbor-changes",
    ...neighbor.map((line) => ` neighbor ${speaker} ${line}`),
    ...family("ipv4", (prefix) => !prefix.includes(":")),
    ...family("ipv6", (prefix) => prefix.includes(":")),
    "exit",
  ].join("\n");
}

// The matrix with OpenBGPD. Owns the words for OpenBGPD.
import { spawnSync } from "node:child_process";
import { type Openbgpd, startOpenbgpd } from "../../../lab/openbgpd.ts";
import { openbgpdProgram } from "../../../lab/requirements.ts";
import { numberAt, objectAt } from "../../../lab/routes.ts";
import { runMatrix } from "./matrix.ts";
import { addressesOf, type MatrixRouter, type Plan, ROUTER_ID } from "./router.ts";

const FORGIVING =
  "with `bgpctl neighbor … up` after each stop: a router that lost the session twice in half a minute refuses it for 30 s and more";
const WITHOUT_LOCAL_ADDRESS = "without `local-address` in its neighbor block: with it, its listener gets no key";

runMatrix({
  router: "openbgpd",
  name: "OpenBGPD",
  version: () => {
    const { stdout, stderr } = spawnSync(openbgpdProgram() ?? "", ["-V"], { encoding: "utf8" });
    return /OpenBGPD (\S+)/.exec(stdout + stderr)?.[1] ?? "?";
  },
  cannot: {},
  deviates: {},
  notes: {
    speakerRestarts: FORGIVING,
    passive: FORGIVING,
    md5: WITHOUT_LOCAL_ADDRESS,
    md5over6: WITHOUT_LOCAL_ADDRESS,
  },
  maxAdvertised: 1_000,
  installsRoutes: false,
  launch: async (host, plan) => asMatrixRouter(await startOpenbgpd(host, configuration(plan)), plan),
});

function asMatrixRouter(openbgpd: Openbgpd, plan: Plan): MatrixRouter {
  const { speaker } = addressesOf(plan);
  return {
    name: openbgpd.name,
    logTail: (lines) => openbgpd.logTail(lines),
    start: () => openbgpd.start(),
    stop: (signal) => openbgpd.stop(signal),
    bgpRoutes: (family) => openbgpd.bgpRoutes(family),
    learned: async () => numberAt(objectAt(await openbgpd.neighbor(speaker), "stats", "prefixes").received) ?? 0,
    isEstablished: async () => (await openbgpd.neighbor(speaker)).state === "Established",
    refresh: async () => void (await openbgpd.bgpctl("neighbor", speaker, "refresh")),
    shutdown: async (text) => void (await openbgpd.bgpctl("neighbor", speaker, "down", text)),
    forgive: async () => void (await openbgpd.bgpctl("neighbor", speaker, "up")),
    heard: async () => openbgpd.logTail(50),
  };
}

function configuration(plan: Plan): string {
  const { speaker, router } = addressesOf(plan);
  const family = (name: string): string =>
    `announce ${name} ${plan.families.includes(name === "IPv4" ? "ipv4-unicast" : "ipv6-unicast") ? "unicast" : "none"}`;
  return `AS ${plan.routerAsn}
router-id ${ROUTER_ID}
listen on ${router}
connect-retry 1
${plan.advertises.map((prefix) => `network ${prefix}`).join("\n")}
neighbor ${speaker} {
  remote-as ${plan.speakerAsn}
  ${plan.dials ? "" : "passive"}
  ${plan.password === null ? "" : `tcp md5sig password "${plan.password}"`}
  ${plan.gtsm ? "ttl-security yes" : ""}
  ${family("IPv4")}
  ${family("IPv6")}
}
allow from any
allow to any`;
}

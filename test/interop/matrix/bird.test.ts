// The matrix with BIRD 2. Owns the words for BIRD.
import { type Bird, startBird } from "../../../lab/bird.ts";
import { birdVersion } from "../versions.ts";
import { runMatrix } from "./matrix.ts";
import { addressesOf, type MatrixRouter, type Plan, ROUTER_ID } from "./router.ts";

/** BIRD's name for the session. */
const PROTOCOL = "vipcast";

runMatrix({
  router: "bird",
  name: "BIRD",
  version: birdVersion,
  cannot: {},
  deviates: {},
  maxAdvertised: 1_000,
  installsRoutes: true,
  launch: async (host, plan) => asMatrixRouter(await startBird(host, configuration(plan))),
});

const asMatrixRouter = (bird: Bird): MatrixRouter => ({
  name: bird.name,
  logTail: (lines) => bird.logTail(lines),
  start: () => bird.start(),
  stop: (signal) => bird.stop(signal),
  bgpRoutes: (family) => bird.bgpRoutes(family),
  learned: async () => {
    const said = await bird.birdc(`show protocols all ${PROTOCOL}`);
    return [...said.matchAll(/Routes:\s+(\d+) imported/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  },
  isEstablished: async () => (await bird.peerState(PROTOCOL)) === "Established",
  refresh: async () => void (await bird.birdc(`reload in ${PROTOCOL}`)),
  shutdown: async (text) => void (await bird.birdc(`disable ${PROTOCOL} "${text}"`)),
  heard: async () => bird.logTail(50),
});

function configuration(plan: Plan): string {
  const { speaker, router } = addressesOf(plan);
  const own = (isIpv6: boolean): string =>
    plan.advertises
      .filter((prefix) => prefix.includes(":") === isIpv6)
      .map((prefix) => `  route ${prefix} blackhole;`)
      .join("\n");
  const channel = (family: string): string =>
    plan.families.includes(`${family}-unicast` as Plan["families"][number])
      ? `  ${family} { import all; export where source = RTS_STATIC; };`
      : "";
  return `router id ${ROUTER_ID};
protocol device { }
protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }
protocol static own4 { ipv4;
${own(false)}
}
protocol static own6 { ipv6;
${own(true)}
}
protocol bgp ${PROTOCOL} {
  local ${router} as ${plan.routerAsn};
  neighbor ${speaker} as ${plan.speakerAsn};
  direct;
  ${plan.dials ? "" : "passive;"}
  ${plan.password === null ? "" : `password "${plan.password}";`}
  ${plan.gtsm ? "ttl security on;" : ""}
  connect delay time 1; connect retry time 1; error wait time 1, 4;
${channel("ipv4")}
${channel("ipv6")}
}`;
}

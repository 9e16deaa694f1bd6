// The main job with routers other than FRR: one story, told to each. Owns their configuration; knows of them what a table and a state say.
import { describe, expect, test } from "vitest";
import { startBird } from "../../lab/bird.ts";
import { startGobgp } from "../../lab/gobgp.ts";
import { createLab, type Host } from "../../lab/lab.ts";
import { labProblem, type Router, titleOrSkip } from "../../lab/requirements.ts";
import type { RouteTable } from "../../lab/routes.ts";
import { type LogSource, type WaitOptions, waitFor } from "../../lab/waitFor.ts";
import { advertisement, bgpPeer, labTracker, Manifests, pool, ROUTE, service, startSpeaker, VIP } from "./support.ts";

const OUR_ASN = 65_001;
const ROUTER_ASN = 65_002;
const OUR_ADDRESS = "192.0.2.1";
const ROUTER_ADDRESS = "192.0.2.2";

interface Started {
  readonly router: LogSource & { bgpRoutes(): Promise<RouteTable> };
  /** Of the session with us, in the router's words. */
  readonly state: () => Promise<string>;
}

interface OtherRouter {
  readonly key: Router;
  readonly title: string;
  start(host: Host): Promise<Started>;
  /** How it is asked. */
  readonly waiting: WaitOptions;
  /** The same once the speaker has left. */
  readonly leaving: WaitOptions;
}

const bird: OtherRouter = {
  key: "bird",
  title: "BIRD as the router",
  start: async (host) => {
    const started = await startBird(
      host,
      `router id ${ROUTER_ADDRESS};
protocol device {}
protocol bgp vipcast {
  local ${ROUTER_ADDRESS} as ${ROUTER_ASN};
  neighbor ${OUR_ADDRESS} as ${OUR_ASN};
  ipv4 { import all; export none; };
}`,
    );
    return { router: started, state: () => started.peerState("vipcast") };
  },
  waiting: {},
  leaving: { timeoutMs: 2_000 },
};

const SELDOM: WaitOptions = { everyMs: 100, timeoutMs: 20_000 };
const gobgp: OtherRouter = {
  key: "gobgp",
  title: "GoBGP as the router",
  start: async (host) => {
    // passive: GoBGP's own attempts come rarely and would only blur who connected
    const started = await startGobgp(
      host,
      `[global.config]
  as = ${ROUTER_ASN}
  router-id = "${ROUTER_ADDRESS}"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "${OUR_ADDRESS}"
    peer-as = ${OUR_ASN}
  [neighbors.transport.config]
    passive-mode = true`,
    );
    return { router: started, state: () => started.peerState(OUR_ADDRESS) };
  },
  waiting: SELDOM,
  leaving: SELDOM,
};

for (const { key, title, start, waiting, leaving } of [bird, gobgp]) {
  const problem = labProblem([key]);
  describe.skipIf(problem !== null)(titleOrSkip(title, problem), () => {
    const track = labTracker();

    test("a /32 arrives with its communities and is withdrawn, another one stays", async () => {
      const { lab } = track({ lab: createLab(key) });
      const [speaker, host] = [lab.host("speaker"), lab.host("router")];
      lab.link(speaker, host, { addressA: `${OUR_ADDRESS}/30`, addressB: `${ROUTER_ADDRESS}/30` });
      const { router, state } = await start(host);
      const manifests = new Manifests(speaker);
      manifests.write("peer.yaml", bgpPeer({ routerAsn: ROUTER_ASN, routerAddress: ROUTER_ADDRESS }));
      manifests.write("pool.yaml", pool(), advertisement({ communities: ["65001:1", "large:65001:2:3"] }));
      manifests.write("stays.yaml", ...service("stays", "198.51.100.20"));
      manifests.write("web.yaml", ...service("web", VIP));
      const vipcast = startSpeaker(speaker, manifests);
      const routes = (what: string, count: number, options = waiting): Promise<RouteTable> =>
        waitFor(
          what,
          () => router.bgpRoutes(),
          (t) => t.size === count,
          { ...options, logs: [router, vipcast] },
        );

      const both = await routes("both routes", 2);
      expect(both.get(ROUTE)).toMatchObject([
        {
          nextHop: OUR_ADDRESS,
          communities: ["65001:1"],
          largeCommunities: ["65001:2:3"],
          asPath: ["65001"],
          origin: "igp",
          best: true,
        },
      ]);
      expect(await state()).toBe("Established");
      manifests.remove("web.yaml");
      const one = await routes("one route", 1);
      expect([...one.keys()]).toEqual(["198.51.100.20/32"]);
      await vipcast.stop();
      await routes("an empty table", 0, leaving);
    });
  });
}

// The main job with GoBGP as the router.
import { describe, expect, test } from "vitest";
import { startGobgp } from "../../lab/gobgp.ts";
import { createLab } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { advertisement, bgpPeer, labTracker, Manifests, pool, service, startSpeaker } from "./support.ts";

const problem = labProblem(["gobgp"]);

describe.skipIf(problem !== null)(titleOrSkip("GoBGP as the router", problem), () => {
  const track = labTracker();

  test("a /32 arrives with its communities and is withdrawn, another one stays", async () => {
    const { lab } = track({ lab: createLab("gobgp") });
    const [speaker, host] = [lab.host("speaker"), lab.host("router")];
    lab.link(speaker, host, { addressA: "192.0.2.1/30", addressB: "192.0.2.2/30" });
    // passive: GoBGP's own attempts come rarely and would only blur who connected
    const gobgp = await startGobgp(
      host,
      `[global.config]
  as = 65002
  router-id = "192.0.2.2"
[[neighbors]]
  [neighbors.config]
    neighbor-address = "192.0.2.1"
    peer-as = 65001
  [neighbors.transport.config]
    passive-mode = true`,
    );
    const manifests = new Manifests(speaker);
    manifests.write("peer.yaml", bgpPeer({ routerAsn: 65_002, routerAddress: "192.0.2.2" }));
    manifests.write("pool.yaml", pool(), advertisement({ communities: ["65001:1", "large:65001:2:3"] }));
    manifests.write("stays.yaml", ...service("stays", "198.51.100.20"));
    manifests.write("web.yaml", ...service("web", "198.51.100.10"));
    const vipcast = startSpeaker(speaker, manifests);
    const waiting = { logs: [gobgp, vipcast], everyMs: 100, timeoutMs: 20_000 };

    const both = await waitFor(
      "both routes",
      () => gobgp.bgpRoutes(),
      (t) => t.size === 2,
      waiting,
    );
    expect(both.get("198.51.100.10/32")).toMatchObject([
      {
        nextHop: "192.0.2.1",
        communities: ["65001:1"],
        largeCommunities: ["65001:2:3"],
        asPath: ["65001"],
        origin: "igp",
        best: true,
      },
    ]);
    expect(await gobgp.peerState("192.0.2.1")).toBe("Established");
    manifests.remove("web.yaml");
    const one = await waitFor(
      "one route",
      () => gobgp.bgpRoutes(),
      (t) => t.size === 1,
      waiting,
    );
    expect([...one.keys()]).toEqual(["198.51.100.20/32"]);
    await vipcast.stop();
    await waitFor(
      "an empty table",
      () => gobgp.bgpRoutes(),
      (t) => t.size === 0,
      waiting,
    );
  });
});

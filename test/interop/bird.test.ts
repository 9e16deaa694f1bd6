// The main job with BIRD as the router.
import { describe, expect, test } from "vitest";
import { startBird } from "../../lab/bird.ts";
import { createLab } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { advertisement, bgpPeer, labTracker, Manifests, pool, service, startSpeaker } from "./support.ts";

const problem = labProblem(["bird"]);

describe.skipIf(problem !== null)(titleOrSkip("BIRD as the router", problem), () => {
  const track = labTracker();

  test("a /32 arrives with its communities and is withdrawn, another one stays", async () => {
    const { lab } = track({ lab: createLab("bird") });
    const [speaker, host] = [lab.host("speaker"), lab.host("router")];
    lab.link(speaker, host, { addressA: "192.0.2.1/30", addressB: "192.0.2.2/30" });
    const bird = await startBird(
      host,
      `router id 192.0.2.2;
protocol device {}
protocol bgp vipcast {
  local 192.0.2.2 as 65002;
  neighbor 192.0.2.1 as 65001;
  ipv4 { import all; export none; };
}`,
    );
    const manifests = new Manifests(speaker);
    manifests.write("peer.yaml", bgpPeer({ routerAsn: 65_002, routerAddress: "192.0.2.2" }));
    manifests.write("pool.yaml", pool(), advertisement({ communities: ["65001:1", "large:65001:2:3"] }));
    manifests.write("stays.yaml", ...service("stays", "198.51.100.20"));
    manifests.write("web.yaml", ...service("web", "198.51.100.10"));
    const vipcast = startSpeaker(speaker, manifests);
    const logs = [bird, vipcast];

    const both = await waitFor(
      "both routes",
      () => bird.bgpRoutes(),
      (t) => t.size === 2,
      { logs },
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
    expect(await bird.peerState("vipcast")).toBe("Established");
    manifests.remove("web.yaml");
    const one = await waitFor(
      "one route",
      () => bird.bgpRoutes(),
      (t) => t.size === 1,
      { logs },
    );
    expect([...one.keys()]).toEqual(["198.51.100.20/32"]);
    await vipcast.stop();
    await waitFor(
      "an empty table",
      () => bird.bgpRoutes(),
      (t) => t.size === 0,
      { logs, timeoutMs: 2_000 },
    );
  });
});

// What the speaker announces, as a real FRR router shows it: attributes, readiness, policies, aggregates, End-of-RIB.
// Absence is shown with a sentinel: another route that was changed later and did arrive.
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { type OneRouterOptions, oneRouter } from "../../lab/topologies/oneRouter.ts";
import { twoRouters } from "../../lab/topologies/twoRouters.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  bgpPeer,
  communities,
  established,
  goneAt,
  labTracker,
  Manifests,
  pool,
  prefixesAt,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
  VIP,
} from "./support.ts";

const problem = labProblem();
const SENTINEL = "198.51.100.200";

describe.skipIf(problem !== null)(titleOrSkip("announcements at FRR", problem), () => {
  const track = labTracker();

  async function site(options: OneRouterOptions = {}) {
    const topology = track(await oneRouter(options));
    const manifests = new Manifests(topology.speaker);
    manifests.write("peers.yaml", bgpPeer(topology));
    manifests.write("pool.yaml", pool(), advertisement());
    const start = () => startSpeaker(topology.speaker, manifests);
    return { ...topology, manifests, start };
  }

  test("C-100 C-111 C-115 C-189 C-190 an external peer gets next hop, MED, AS path and all communities, and no local preference", async () => {
    const s = await site();
    s.manifests.write(
      "pool.yaml",
      pool(),
      communities({ blue: "65000:300", quiet: "65535:65281", big: "large:65000:7:8" }),
      advertisement({ communities: ["65000:2", "blue", "quiet", "big", "large:65000:1:2"], localPref: 300 }),
    );
    s.manifests.write("web.yaml", ...service("web", VIP));
    const vipcast = s.start();
    expect(await routeAt(s, ROUTE, [vipcast])).toEqual({
      prefix: ROUTE,
      nextHop: s.speakerAddress,
      communities: ["65000:2", "65000:300", "no-export"],
      largeCommunities: ["65000:1:2", "65000:7:8"],
      localPref: null,
      med: 0,
      asPath: ["65001"],
      origin: "igp",
      best: true,
      from: s.speakerAddress,
    });
    expect(await prefixesAt(s)).toEqual([ROUTE]);
  });

  test("C-100 C-109 C-111 an internal peer gets an empty AS path and local preference 100, then what is configured", async () => {
    const s = await site({ session: "ibgp" });
    s.manifests.write("web.yaml", ...service("web", VIP));
    const vipcast = s.start();
    const common = { nextHop: s.speakerAddress, asPath: [], med: 0, communities: [], largeCommunities: [] };
    expect(await routeAt(s, ROUTE, [vipcast])).toMatchObject({ ...common, localPref: 100 });
    const before = await s.router.peer(s.speakerAddress);
    s.manifests.write("pool.yaml", pool(), advertisement({ localPref: 250 }));
    const after = await routeAt(s, ROUTE, [vipcast], (r) => r.localPref !== 100);
    expect(after).toMatchObject({ ...common, localPref: 250 });
    const updates = (await s.router.peer(s.speakerAddress)).messages.updatesRecv ?? 0;
    expect(updates - (before.messages.updatesRecv ?? 0)).toBe(1); // replaced, not withdrawn and announced
  });

  test("a service is there while an endpoint is ready or serving, and gone when none is or its manifest is removed", async () => {
    const s = await site();
    s.manifests.write("sentinel.yaml", ...service("sentinel", SENTINEL));
    const web = (conditions: Readonly<Record<string, boolean>>) =>
      s.manifests.write("web.yaml", ...service("web", VIP, { conditions }));
    web({ ready: true });
    const vipcast = s.start();
    const arrives = () => routeAt(s, ROUTE, [vipcast]);
    const goes = () => goneAt(s, ROUTE, [vipcast]);
    await arrives();
    web({ ready: false });
    await goes();
    web({ ready: false, serving: true, terminating: true });
    await arrives();
    web({ ready: false, serving: false });
    await goes();
    web({});
    await arrives();
    s.manifests.remove("web.yaml");
    await goes();
    web({ ready: true });
    await arrives();
    // the file with the slice alone: the Service is gone although its endpoints are there
    s.manifests.write("web.yaml", ...service("web", VIP).slice(1));
    await goes();
    expect(await prefixesAt(s)).toEqual([`${SENTINEL}/32`]);
    expect(await s.router.peer(s.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
  });

  test("policy Local announces only from the node that has the endpoint", async () => {
    const s = await site();
    const web = (node: string) => s.manifests.write("web.yaml", ...service("web", VIP, { policy: "Local", node }));
    web("node-2");
    s.manifests.write("wide.yaml", ...service("wide", "198.51.100.11", { policy: "Cluster", node: "node-2" }));
    const vipcast = s.start();
    await routeAt(s, "198.51.100.11/32", [vipcast]);
    expect(await prefixesAt(s)).toEqual(["198.51.100.11/32"]);
    web("node-1");
    await routeAt(s, ROUTE, [vipcast]);
    web("node-2");
    await goneAt(s, ROUTE, [vipcast]);
    expect(await prefixesAt(s)).toEqual(["198.51.100.11/32"]);
  });

  test("C-116 two services share one aggregate, which goes with the last of them", async () => {
    const s = await site();
    s.manifests.write(
      "pool.yaml",
      pool(["198.51.100.0/24", "203.0.113.0/24"]),
      advertisement({ aggregationLength: 24 }),
    );
    s.manifests.write("a.yaml", ...service("a", VIP));
    s.manifests.write("b.yaml", ...service("b", "198.51.100.99"));
    const vipcast = s.start();
    const aggregate = "198.51.100.0/24";
    await routeAt(s, aggregate, [vipcast]);
    expect(await prefixesAt(s)).toEqual([aggregate]);
    s.manifests.remove("a.yaml");
    s.manifests.write("sentinel.yaml", ...service("sentinel", "203.0.113.7"));
    await routeAt(s, "203.0.113.0/24", [vipcast]);
    expect(await prefixesAt(s)).toEqual([aggregate, "203.0.113.0/24"]);
    s.manifests.remove("b.yaml");
    await goneAt(s, aggregate, [vipcast]);
    expect(await prefixesAt(s)).toEqual(["203.0.113.0/24"]);
  });

  test("C-117 C-118 FRR sees the End-of-RIB, also of an empty table", async () => {
    const s = await site();
    const vipcast = s.start();
    await established(s, [vipcast]);
    // without the graceful restart capability FRR keeps no flag, but it tells
    const told = `rcvd End-of-RIB for IPv4 Unicast from ${s.speakerAddress}`;
    await waitFor(
      "FRR's word",
      () => s.router.logTail(50),
      (log) => log.includes(told),
      { logs: [vipcast] },
    );
    const seen = await s.router.peer(s.speakerAddress);
    expect(seen.accepted).toBe(0);
    expect(seen.messages.updatesRecv).toBe(1);
  });

  test("an advertisement for one peer reaches that peer alone, eBGP and iBGP side by side", async () => {
    const t = track(await twoRouters({ rightSession: "ibgp" }));
    const manifests = new Manifests(t.speaker);
    manifests.write("peers.yaml", bgpPeer(t.left, { name: "left" }), bgpPeer(t.right, { name: "right" }));
    manifests.write(
      "pools.yaml",
      pool(),
      pool(["203.0.113.0/24"], "private"),
      advertisement({ ipAddressPools: ["public"], localPref: 200 }),
      advertisement({ ipAddressPools: ["private"], peers: ["right"], communities: ["65001:9"] }, "private"),
    );
    manifests.write("a.yaml", ...service("a", "203.0.113.1"));
    manifests.write("z.yaml", ...service("z", VIP));
    const vipcast = startSpeaker(t.speaker, manifests);
    const [left, right, inner] = await Promise.all([
      routeAt(t.left, ROUTE, [vipcast]),
      routeAt(t.right, ROUTE, [vipcast]),
      routeAt(t.right, "203.0.113.1/32", [vipcast]),
    ]);
    expect(left).toMatchObject({ nextHop: t.left.speakerAddress, localPref: null, asPath: ["65001"] });
    expect(right).toMatchObject({ nextHop: t.right.speakerAddress, localPref: 200, asPath: [] });
    expect(inner).toMatchObject({ localPref: 100, communities: ["65001:9"] });
    expect(await prefixesAt(t.left)).toEqual([ROUTE]);
  });
});

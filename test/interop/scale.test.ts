// A thousand addresses at two real routers: all there, changed in one go, packed into few UPDATEs, all gone at the end.
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { RouteTable } from "../../lab/routes.ts";
import { twoRouters } from "../../lab/topologies/twoRouters.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  bgpPeer,
  established,
  labTracker,
  Manifests,
  peerThat,
  pool,
  type ServiceOptions,
  service,
  startSpeaker,
  type Uplink,
} from "./support.ts";

const problem = labProblem();
const COUNT = 1_000;
/** An UPDATE of 4,096 octets holds some 800 /32; a decision in slices may cut that into a few more, the more the slower the machine. */
const FEW_UPDATES = 50;

const services = (from: number, to: number, options: ServiceOptions = {}) =>
  Array.from({ length: to - from }, (_, i) => from + i).flatMap((n) =>
    service(`s${n}`, `203.0.${112 + (n >> 8)}.${n & 0xff}`, options),
  );

describe.skipIf(problem !== null)(titleOrSkip("scale at FRR", problem), () => {
  const track = labTracker();

  test("C-103 C-104 C-107 1,000 addresses come, 500 go while 500 change, all go: in a handful of UPDATEs each time", async () => {
    const t = track(await twoRouters({ rightSession: "ibgp" }));
    const manifests = new Manifests(t.speaker);
    manifests.write("peers.yaml", bgpPeer(t.left, { name: "left" }), bgpPeer(t.right, { name: "right" }));
    const gold = { serviceSelectors: [{ matchLabels: { tier: "gold" } }], communities: ["65001:77"] };
    manifests.write("pool.yaml", pool(["203.0.112.0/20"]), advertisement(), advertisement(gold, "gold"));
    const vipcast = startSpeaker(t.speaker, manifests);
    const uplinks = [t.left, t.right];
    await Promise.all(uplinks.map((u) => established(u, [vipcast])));

    const updates = async (u: Uplink) => (await u.router.peer(u.speakerAddress)).messages.updatesRecv ?? 0;
    /** Makes one change of the manifests; each router must come to `count` routes with these communities, by few messages. */
    const inOneGo = async (change: () => void, count: number, communities: string) => {
      const before = await Promise.all(uplinks.map(updates));
      change();
      for (const [i, u] of uplinks.entries()) {
        const options = { logs: [vipcast], timeoutMs: 15_000, everyMs: 50 };
        await peerThat(u, `brought ${count} routes`, (p) => p.accepted === count, options);
        const isAsWanted = (t: RouteTable) => [...t.values()].every(([r]) => r?.communities.join() === communities);
        const what = `communities "${communities}" at ${u.router.name}`;
        const table = await waitFor(what, () => u.router.bgpRoutes(), isAsWanted, options);
        expect(table.size).toBe(count);
        expect((await updates(u)) - (before[i] ?? 0)).toBeLessThan(FEW_UPDATES);
      }
    };

    await inOneGo(() => manifests.write("all.yaml", ...services(0, COUNT)), COUNT, "");
    const half = services(COUNT / 2, COUNT, { labels: { tier: "gold" } });
    await inOneGo(() => manifests.write("all.yaml", ...half), COUNT / 2, "65001:77");
    expect(await t.left.router.route("203.0.113.244/32")).toHaveLength(1); // the first that stays
    for (const u of uplinks) {
      expect(await u.router.peer(u.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
    }

    const end = await vipcast.stop("SIGTERM");
    expect(end).toMatchObject({ code: 0, forced: false });
    expect(end.ms).toBeLessThan(4_000); // 2 s, and what a busy machine may add
    for (const u of uplinks) {
      const gone = { logs: [u.router], timeoutMs: 5_000 };
      await waitFor(
        "an empty table",
        () => u.router.bgpRoutes(),
        (t) => t.size === 0,
        gone,
      );
    }
  });
});

// The witness on whole sessions: what of it stands when peers get other names. One peer claims, another one looks.
import { expect, test } from "vitest";
import type { PlannedPeer } from "../../src/announce/compiled.ts";
import { ClaimFeed } from "../../src/app/claimFeed.ts";
import { Witnessing } from "../../src/app/witnessing.ts";
import { formatPrefix } from "../../src/kernel/ip.ts";
import { Asn, PeerName } from "../../src/kernel/units.ts";
import { encodeClaim } from "../../src/site/model.ts";
import { address } from "../bgp/session/fixtures.ts";
import { A, attributes, nameOf, onlyEnd, peerTowards, station, vip } from "../bgp/sim/speakers.ts";
import { WireTap } from "../bgp/sim/wire.ts";
import { World } from "../bgp/sim/world.ts";

const CLAIMS = address(198, 51, 100, 1);
const LOOKS = address(198, 51, 100, 2);
const claimed = {
  ...attributes(1),
  largeCommunities: encodeClaim(Asn(65_000), { siteId: 9, rank: 1, epoch: 1, state: "active", node: 4 }),
};

function setup() {
  const world = new World(5, { latency: [5, 5] });
  const tap = new WireTap();
  world.tap = tap;
  const [claims, looks] = [station(world, CLAIMS), station(world, LOOKS)];
  for (const [there, at] of [
    [claims, CLAIMS],
    [looks, LOOKS],
  ] as const) {
    there.speaker.setPeers([peerTowards(at, A)]);
  }
  claims.speaker.setRoute(nameOf(A), vip(1), claimed);
  for (const { speaker } of [claims, looks]) speaker.flush(true);
  const witnessing: Witnessing = new Witnessing({
    clock: { now: () => us.host.clock.now(), wall: () => 0 },
    setRoute: (...route) => us.speaker.setRoute(...route),
    holdEndOfRib: (peer, isHeld) => us.speaker.peer(peer)?.holdEndOfRib(isHeld),
    hearAgain: () => {},
    wake: () => {},
    problemsChanged: () => {},
  });
  const feed: ClaimFeed = new ClaimFeed({
    follower: witnessing,
    peers: () => us.speaker.peers(),
    inTurns: async (work) => {
      for (const _ of work);
    },
  });
  const us = station(world, A, { listens: false, watcher: feed });
  const target = witnessing.beside({ apply: () => {}, run: () => "done" });
  const work = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    expect(target.run(() => false)).toBe("done");
    us.speaker.flush(true);
    world.run(1_000);
  };
  /** As the daemon does it. @param names of the peers at CLAIMS and LOOKS */
  const name = (...names: readonly [claims: string, looks: string]): Promise<void> => {
    const planned = [CLAIMS, LOOKS].map((at, i): PlannedPeer => {
      const config = peerTowards(A, at, { name: PeerName(names[i] ?? ""), keepReceived: true });
      const ref = { kind: "BGPPeer", namespace: "metallb-system", name: config.name };
      return { name: config.name, ref, config, problem: null, problemPath: null };
    });
    us.speaker.setPeers(planned.flatMap(({ config }) => config ?? []));
    witnessing.peersChanged(planned);
    feed.peersChanged();
    return work();
  };
  const heard = () => tap.heard(onlyEnd(world, looks.host));
  return { name, work, world, heard, tap, us };
}

test.each<[string, readonly [string, string]]>([
  ["the peer that claims", ["other", "looks"]],
  ["the peer that looks", ["claims", "other"]],
  ["both", ["one", "other"]],
])("another name for %s takes no session and no claim away", async (_what, names) => {
  const s = setup();
  await s.name("claims", "looks");
  s.world.run(5_000);
  await s.work();
  expect([...s.heard().table.keys()]).toEqual([formatPrefix(vip(1))]);
  expect(s.heard().endOfRib).toHaveLength(1);
  const before = s.heard().messages.length;
  await s.name(...names);
  await s.work();
  const news = s
    .heard()
    .messages.slice(before)
    .map((m) => m.type);
  expect(news.filter((type) => type !== "keepalive")).toEqual([]);
  expect([...s.heard().table.keys()]).toEqual([formatPrefix(vip(1))]);
  expect(s.tap.faults).toEqual([]);
});

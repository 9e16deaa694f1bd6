// metallb-compat section 7: quirks of MetalLB that show in a decision and are in no other table. The register, with every test
// of every quirk, is docs/compatibility.md.
import { describe, expect, test } from "vitest";
import {
  ADV,
  adv,
  external,
  given,
  internal,
  l2,
  N1,
  POOL,
  peer,
  pool,
  ROUTE,
  ready,
  svc,
  TOR,
  toRouter,
  VIP,
} from "./world.ts";

describe("the quirk register", () => {
  test("Q-05 localPref 0 is the same as none: no conflict between the two, no opinion where routes meet", () => {
    const w = given(N1, peer("tor", internal), POOL, adv("a"), adv("b", "localPref: 0"), VIP);
    expect([w.errors, w.routes()]).toEqual([[], [ROUTE]]);
  });
  test("Q-06 an L2Advertisement with every fault at once leaves BGP alone", () => {
    const w = given(
      N1,
      TOR,
      POOL,
      ADV,
      VIP,
      l2("l", "interfaces: [a, a], nodeSelectors: [{matchLabels: {'?': x}}, 7]"),
    );
    expect([w.errors, w.warnings.length, w.routes()]).toEqual([[], 3, [ROUTE]]);
  });
  test("Q-08 Services under one aggregate: each peer gets the Services whose advertisements mean it", () => {
    const selected = (app: string, to: string) => `peers: [${to}], serviceSelectors: [{matchLabels: {app: ${app}}}]`;
    const shared = (name: string) => [svc(name, "192.0.2.10", "", `labels: {app: ${name}}`), ready(name, "n1")];
    const w = given(
      N1,
      TOR,
      peer("edge", toRouter("10.0.0.2")),
      POOL,
      adv("a", selected("x", "tor")),
      adv("b", selected("y", "edge")),
      shared("x"),
      shared("y"),
    );
    const { peers } = JSON.parse(w.json).nodes.n1;
    expect([peers.tor.routes[0].services, peers.edge.routes[0].services]).toEqual([["default/x"], ["default/y"]]);
  });
  test("Q-09 a nodeSelector that does not convert is told with its place, and stops no node", () => {
    const bad = peer("bad", `${toRouter("10.0.0.2")}, nodeSelectors: [{matchExpressions: [{key: a, operator: Near}]}]`);
    const w = given(N1, TOR, POOL, ADV, VIP, bad);
    expect([w.errors, w.routes()]).toEqual([
      ["BGPPeer bad spec.nodeSelectors[0].matchExpressions[0].operator"],
      [ROUTE],
    ]);
  });
  test("Q-10 disableMP skips no other check", () => {
    expect(given(N1, peer("tor", `${external}, disableMP: true, peerPort: 0`)).errors).toEqual([
      "BGPPeer tor spec.peerPort",
    ]);
  });
  test("Q-11 a Service that cannot be announced holds up no other", () => {
    const w = given(N1, TOR, POOL, ADV, VIP, svc("stuck", "not-an-address"), ready("stuck", "n1"));
    expect([w.why("stuck"), w.routes()]).toEqual(["invalidIP", [ROUTE]]);
  });
  test("Q-14 ranges of two pools under one aggregate: the highest localPref wins, whatever the order", () => {
    const pools = [
      pool("low", "addresses: [192.0.2.0-192.0.2.100]"),
      pool("high", "addresses: [192.0.2.101-192.0.2.200]"),
    ];
    const advs = [
      adv("a", "aggregationLength: 26, ipAddressPools: [low], localPref: 50"),
      adv("b", "aggregationLength: 26, ipAddressPools: [high], localPref: 60"),
    ];
    const services = [svc("x", "192.0.2.70"), ready("x", "n1"), svc("y", "192.0.2.110"), ready("y", "n1")];
    for (const order of [advs, [...advs].reverse()]) {
      const w = given(N1, peer("tor", internal), pools, order, services);
      expect([w.routes(), w.warnings]).toEqual([["192.0.2.64/26 pref=60"], ["BGPAdvertisement a spec.localPref"]]);
    }
  });
  test("Q-16 of an edit with one fault, all else takes effect at once", () => {
    const w = given(N1, TOR, POOL, ADV, VIP).edit(
      N1,
      TOR,
      POOL,
      adv("a", "localPref: -1"),
      adv("b", 'communities: ["1:1"]'),
      VIP,
      peer("new", toRouter("10.0.0.2")),
    );
    expect([w.routes("tor"), w.routes("new")]).toEqual([[`${ROUTE} 1:1`], [`${ROUTE} 1:1`]]);
  });
});

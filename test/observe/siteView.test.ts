// `vipcast site status` as text and document, from a report of the sites core.
import { expect, test } from "vitest";
import { parsePrefix } from "../../src/kernel/ip.ts";
import { invariant } from "../../src/kernel/result.ts";
import { Asn, Millis, PeerName } from "../../src/kernel/units.ts";
import { renderSites, type SitesStatus, sitesText } from "../../src/observe/siteView.ts";
import { encodeClaim } from "../../src/site/model.ts";
import { Sites } from "../../src/site/sites.ts";
import { policyObject } from "../announce/builders.ts";

const NOTHING = { communities: [], largeCommunities: [], localPref: null, med: null, asPathPrepend: null };

const WALL = 1_000_000_004_000;

/** A policy of `site`, seen by witness `name`, with the claim of another site. */
function statusOf(site: string, name: string): SitesStatus {
  const sites = new Sites({
    node: 1,
    remembered: new Map(),
    moved: () => {},
    asnsChanged: () => {},
    rememberedChanged: () => {},
  });
  const w = PeerName(name);
  const object = policyObject("p", { site, siteId: 1 });
  const policy = {
    key: "metallb-system/p",
    object,
    witnesses: [w, PeerName("v")],
    quorum: 2,
    ranks: [],
    standby: NOTHING,
  };
  sites.setPolicies([{ ...policy, text: "p" }], Millis(0));
  const prefix = parsePrefix("192.0.2.1/32");
  invariant(prefix !== null, "prefix of the test");
  sites.setAble({ policy: policy.key, prefixKey: "192.0.2.1/32", prefix }, true, Millis(0));
  sites.sightChanged(w, "reading", Millis(1000));
  const claim = { siteId: 2, rank: 2, epoch: 6, state: "active", node: 9 } as const;
  sites.routeChanged(w, prefix, encodeClaim(Asn(65000), claim), Millis(2000));
  return JSON.parse([...sitesText(sites.report(), Millis(4000), WALL)].join(""));
}

test("states, witnesses, the guard, and what other sites claim since when", () => {
  const status = statusOf("north", "w");
  expect(status.policies[0]).toMatchObject({ view: "looking", guardUntil: "2001-09-09T01:46:50.000Z", epoch: 6 });
  expect(renderSites(status, { color: false, wall: WALL })).toBe(
    `north (siteID 1, rank 1) by SitePolicy metallb-system/p
  conditional, failback manual, epoch 6
  looking, start-up guard for 6s more; needs 2 complete of: w (reading), v (none)
  192.0.2.1/32 standby for 2s
    SitePolicy metallb-system/p: site north stands by: site 2 with rank 2, epoch 6 serves
      192.0.2.1/32
    site 2 active, rank 2, epoch 6, from w for 2s
`,
  );
});

test("no line is longer than 100 columns, however long the names are", () => {
  const text = renderSites(statusOf("n".repeat(63), `tor.${"w".repeat(90)}`), { color: false, wall: WALL });
  expect(text.split("\n").filter((line) => line.length > 100)).toEqual([]);
  expect(text).toContain("n".repeat(63));
});

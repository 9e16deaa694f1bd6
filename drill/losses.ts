// Scenarios in which something breaks without warning: a worker, a cable, a router's link, a site. Owns their story only.
import { setTimeout as sleep } from "node:timers/promises";
import { BACKBONE } from "../lab/topologies/twoSites.ts";
import { waitFor } from "../lab/waitFor.ts";
import { wallNow } from "./programs.ts";
import type { Aim, Checks, Scenario } from "./scenario.ts";
import {
  BOTH,
  HUB_HAS_BOTH,
  has,
  hasNot,
  hubHasBoth,
  hubHasTheOther,
  P221,
  PARTITION_MS,
  primaryOnly,
  RECOVERY,
  withStandby,
} from "./setups.ts";
import type { Stage } from "./stage.ts";

const BFD_AIM: Aim = { outage: 650, why: "BFD detection 600 ms, and 50 ms for everything else" };
const STANDBY_AIM: Aim = { outage: 1_500, why: "site loss with a standby route" };
const accessGoesToDr: Checks = {
  "access goes to dr": ({ after }) => has(`via ${BACKBONE.dr}`)(after.access),
};

/** The primary site loses the backbone; when the client has noticed, somebody gives the recovery site its endpoints. */
async function takeOver(stage: Stage): Promise<void> {
  stage.sites.cut("hub", "backbone");
  await waitFor(
    "the client to lose the service",
    () => stage.tables().access,
    (route) => route === "none",
    { timeoutMs: 60_000 },
  );
  await Promise.all(RECOVERY.map((name) => stage.speaker(name).serve(true)));
}

const poc: Scenario = {
  name: "poc",
  summary: "as in the proof of concept: two next hops at the hub; primary isolated; recovery site gets its endpoint",
  speakers: BOTH,
  stage: { setup: primaryOnly, routers: "plain" },
  event: takeOver,
  holds: {
    "two next hops at the hub": ({ before }) => before.hub === HUB_HAS_BOTH,
    "an OSPF external route at access": ({ before }) =>
      has(`via ${BACKBONE.hub}`)(before.access) && before.access.startsWith("ospf"),
    "the route at access leads to dr in the end": ({ after }) => has(`via ${BACKBONE.dr}`)(after.access),
    "the recovery site answers": ({ answers }) => RECOVERY.some((name) => answers[name] !== undefined),
  },
};

const workerPowerOff: Scenario = {
  name: "worker-power-off",
  summary: "a worker loses power",
  speakers: BOTH,
  aim: BFD_AIM,
  stage: { setup: primaryOnly },
  event: (stage) => stage.powerOff("p221"),
  measure: { withdrawn: { router: "hub", accept: hasNot(P221) } },
  holds: hubHasTheOther,
};

const workerLinkCut: Scenario = {
  name: "worker-link-cut",
  summary: "a worker's cable breaks in its middle; all interfaces stay up",
  speakers: BOTH,
  aim: BFD_AIM,
  stage: { setup: primaryOnly },
  event: (stage) => stage.sites.cut("p221", "primary"),
  measure: { withdrawn: { router: "hub", accept: hasNot(P221) } },
  afterwards: async (stage, note) => {
    const mendedAt = wallNow();
    stage.sites.mend("p221", "primary");
    await waitFor("the worker's route to return", () => stage.tables().hub, has(P221), {
      timeoutMs: 30_000,
      everyMs: 5,
    });
    note({ mendedToRouteMs: (stage.timeline.first("hub", mendedAt, has(P221))?.at ?? Number.NaN) - mendedAt });
  },
};

const routerBfd: Scenario = {
  name: "router-bfd",
  summary: "the hub's operator shuts down BFD towards a worker (AdminDown), and brings it back: nothing may happen",
  speakers: BOTH,
  aim: { lost: 0, why: "AdminDown is no failure (RFC 5882 section 4.2)" },
  stage: { setup: primaryOnly },
  event: async (stage) => {
    const shut = (no: "" | "no "): Promise<void> =>
      stage.sites.routers.hub.configure([
        "bfd",
        `peer ${P221} local-address 192.100.1.254 interface to-primary`,
        `${no}shutdown`,
      ]);
    await shut("");
    await sleep(3_000);
    await shut("no ");
  },
  holds: hubHasBoth,
};

const hubLinkCut: Scenario = {
  name: "hub-link-cut",
  summary: "the hub loses its cable to the primary site; the recovery site stands by with a higher metric",
  speakers: BOTH,
  aim: STANDBY_AIM,
  stage: { setup: withStandby },
  event: (stage) => stage.sites.cut("hub", "primary"),
  measure: { withdrawn: { router: "hub", accept: (route) => !route.startsWith("bgp") } },
  holds: accessGoesToDr,
};

const siteIsolated: Scenario = {
  name: "site-isolated",
  summary: "the whole primary site loses the backbone; the recovery site stands by with a higher metric",
  speakers: BOTH,
  aim: STANDBY_AIM,
  stage: { setup: withStandby },
  event: (stage) => stage.sites.cut("hub", "backbone"),
  measure: { withdrawn: { router: "access", accept: hasNot(BACKBONE.hub) } },
  holds: accessGoesToDr,
};

const partition = (name: string, routers: "plain" | "recommended"): Scenario => ({
  name,
  summary: `the primary site is cut off while both sites announce alike, and comes back (routers: ${routers}); counted from the healing`,
  speakers: BOTH,
  stage: { setup: primaryOnly, routers },
  before: async (stage) => {
    await takeOver(stage);
    await stage.served(1_000);
    await sleep(PARTITION_MS);
  },
  event: (stage) => stage.sites.mend("hub", "backbone"),
  // long enough to see routers that fight for the route: each round of theirs takes seconds
  measure: { settleMs: 60_000, calmMs: 5_000 },
});

export const LOSSES: readonly Scenario[] = [
  poc,
  workerPowerOff,
  workerLinkCut,
  routerBfd,
  hubLinkCut,
  siteIsolated,
  partition("partition", "recommended"),
  partition("partition-plain", "plain"),
];

// Scenarios in which something breaks without warning: a worker, a cable, a router's link, a site. Owns their story only.
import { setTimeout as sleep } from "node:timers/promises";
import { RANKS, type WorkerName } from "../lab/topologies/twoSites.ts";
import { waitFor } from "../lab/waitFor.ts";
import { wallNow } from "./programs.ts";
import { measure, type Performance, type Scenario } from "./scenario.ts";
import type { SpeakerKind, SpeakerSetup } from "./speakers.ts";
import { openStage, type Stage, type StageOptions } from "./stage.ts";

const isPrimary = (name: WorkerName): boolean => name.startsWith("p");
export const STANDBY_RANK = RANKS[0].community;

/** Only the primary site announces. */
export const primaryOnly = (name: WorkerName): SpeakerSetup => ({ serves: isPrimary(name) });
/** Both announce; the routers give the recovery site's route a higher metric. */
export const withStandby = (name: WorkerName): SpeakerSetup => ({
  serves: true,
  communities: isPrimary(name) ? [] : [STANDBY_RANK],
});

/** Opens a stage, performs, closes it whatever happens. */
export async function onStage(
  options: StageOptions,
  perform: (stage: Stage) => Promise<Performance>,
): Promise<Performance> {
  const stage = await openStage(options);
  try {
    return await perform(stage);
  } finally {
    await stage.close();
  }
}

/** Adds what a check found to a performance. */
export const checked = (performance: Performance, checks: Readonly<Record<string, boolean>>): Performance => ({
  ...performance,
  failures: [
    ...performance.failures,
    ...Object.entries(checks).flatMap(([what, holds]) => (holds ? [] : [`not so: ${what}`])),
  ],
});

const BOTH: readonly SpeakerKind[] = ["vipcast", "frr"];
const P221 = "192.100.1.221";
const P222 = "192.100.1.222";
const HUB = "199.10.1.254";
const DR = "199.10.1.252";

const poc: Scenario = {
  name: "poc",
  summary: "as in the proof of concept: two next hops at the hub; primary isolated; recovery site gets its endpoint",
  speakers: BOTH,
  perform: (kind) =>
    onStage({ speaker: kind, setup: primaryOnly, routers: "plain" }, async (stage) => {
      const start = stage.tables();
      const performance = await measure(stage, async () => {
        stage.sites.cut("hub", "backbone");
        await waitFor(
          "the client to lose the service",
          () => stage.tables().access,
          (route) => route === "none",
          { timeoutMs: 60_000 },
        );
        await Promise.all([stage.speaker("r221").serve(true), stage.speaker("r222").serve(true)]);
      });
      return checked(performance, {
        "two next hops at the hub": start.hub === `bgp via ${P221}, ${P222}`,
        "an OSPF external route at access": start.access.includes(`via ${HUB}`) && start.access.startsWith("ospf"),
        "the route at access leads to dr in the end": performance.after.access.includes(`via ${DR}`),
        "the recovery site answers": performance.answers.r221 !== undefined || performance.answers.r222 !== undefined,
      });
    }),
};

const workerPowerOff: Scenario = {
  name: "worker-power-off",
  summary: "a worker loses power",
  speakers: BOTH,
  aim: { outage: 650, why: "BFD detection 600 ms, and 50 ms for everything else" },
  perform: (kind) =>
    onStage({ speaker: kind, setup: primaryOnly }, async (stage) => {
      const performance = await measure(stage, () => stage.powerOff("p221"), {
        withdrawn: { router: "hub", accept: (r) => !r.includes(P221) },
      });
      return checked(performance, { "the hub has the other worker": performance.after.hub === `bgp via ${P222}` });
    }),
};

const workerLinkCut: Scenario = {
  name: "worker-link-cut",
  summary: "a worker's cable breaks in its middle; all interfaces stay up",
  speakers: BOTH,
  aim: { outage: 650, why: "BFD detection 600 ms, and 50 ms for everything else" },
  perform: (kind) =>
    onStage({ speaker: kind, setup: primaryOnly }, async (stage) => {
      const performance = await measure(stage, () => stage.sites.cut("p221", "primary"), {
        withdrawn: { router: "hub", accept: (r) => !r.includes(P221) },
      });
      const mendedAt = wallNow();
      stage.sites.mend("p221", "primary");
      await waitFor(
        "the worker's route to return",
        () => stage.tables().hub,
        (r) => r.includes(P221),
        { timeoutMs: 30_000, everyMs: 5 },
      );
      const back = (stage.timeline.first("hub", mendedAt, (r) => r.includes(P221))?.at ?? Number.NaN) - mendedAt;
      return { ...performance, extra: { ...performance.extra, mendedToRouteMs: back } };
    }),
};

const routerBfd: Scenario = {
  name: "router-bfd",
  summary: "the hub's operator shuts down BFD towards a worker (AdminDown), and brings it back: nothing may happen",
  speakers: BOTH,
  aim: { lost: 0, why: "AdminDown is no failure (RFC 5882 section 4.2)" },
  perform: (kind) =>
    onStage({ speaker: kind, setup: primaryOnly }, async (stage) => {
      const { hub } = stage.sites.routers;
      const shut = (no: string): Promise<void> =>
        hub.configure(["bfd", `peer ${P221} local-address 192.100.1.254 interface to-primary`, `${no}shutdown`]);
      const performance = await measure(stage, async () => {
        await shut("");
        await sleep(3_000);
        await shut("no ");
      });
      return checked(performance, { "the hub has both workers": performance.after.hub === `bgp via ${P221}, ${P222}` });
    }),
};

const hubLinkCut: Scenario = {
  name: "hub-link-cut",
  summary: "the hub loses its cable to the primary site; the recovery site stands by with a higher metric",
  speakers: BOTH,
  aim: { outage: 1_500, why: "site loss with a standby route" },
  perform: (kind) =>
    onStage({ speaker: kind, setup: withStandby }, async (stage) => {
      const performance = await measure(stage, () => stage.sites.cut("hub", "primary"), {
        withdrawn: { router: "hub", accept: (r) => !r.startsWith("bgp") },
      });
      return checked(performance, { "access goes to dr": performance.after.access.includes(`via ${DR}`) });
    }),
};

const siteIsolated: Scenario = {
  name: "site-isolated",
  summary: "the whole primary site loses the backbone; the recovery site stands by with a higher metric",
  speakers: BOTH,
  aim: { outage: 1_500, why: "site loss with a standby route" },
  perform: (kind) =>
    onStage({ speaker: kind, setup: withStandby }, async (stage) => {
      const performance = await measure(stage, () => stage.sites.cut("hub", "backbone"), {
        withdrawn: { router: "access", accept: (r) => !r.includes(HUB) },
      });
      return checked(performance, { "access goes to dr": performance.after.access.includes(`via ${DR}`) });
    }),
};

/** Milliseconds for which the sites do not see each other. */
const PARTITION_MS = 10_000;

const partition = (name: string, routers: "plain" | "recommended"): Scenario => ({
  name,
  summary: `the primary site is cut off while both sites announce alike, and comes back (routers: ${routers}); counted from the healing`,
  speakers: BOTH,
  perform: (kind) =>
    onStage({ speaker: kind, setup: (n) => ({ serves: isPrimary(n) }), routers }, async (stage) => {
      stage.sites.cut("hub", "backbone");
      await waitFor(
        "the client to lose the service",
        () => stage.tables().access,
        (r) => r === "none",
        { timeoutMs: 60_000 },
      );
      await Promise.all([stage.speaker("r221").serve(true), stage.speaker("r222").serve(true)]);
      await stage.served(1_000);
      await sleep(PARTITION_MS);
      // long enough to see routers that fight for the route: each round of theirs takes seconds
      return measure(stage, () => stage.sites.mend("hub", "backbone"), { settleMs: 60_000, calmMs: 5_000 });
    }),
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

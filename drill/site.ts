// Scenarios of two sites of which one serves: partition, site loss, failover by an operator, a primary site that returns, failback.
// Owns their story. Where a SitePolicy governs, claims go through a witness behind the access router (policy.ts).
import { setTimeout as sleep } from "node:timers/promises";
import { type Capture, startCapture } from "../lab/capture.ts";
import { listAt, objectAt } from "../lab/routes.ts";
import { VIP, type WorkerName } from "../lab/topologies/twoSites.ts";
import { waitFor } from "../lab/waitFor.ts";
import { checked, onStage, withStandby } from "./losses.ts";
import { governed, siteOf, startWitness } from "./policy.ts";
import { wallNow } from "./programs.ts";
import { measure, type Performance, type Scenario } from "./scenario.ts";
import { type SpeakerKind, VipcastSpeaker } from "./speakers.ts";
import { type Stage, type StageOptions, WORKER_NAMES } from "./stage.ts";

const PRIMARY = WORKER_NAMES.filter((name) => siteOf(name) === "primary");
const RECOVERY = WORKER_NAMES.filter((name) => siteOf(name) === "recovery");
/** Milliseconds for which the sites do not see each other. */
const PARTITION_MS = 10_000;

const GOVERNED: readonly SpeakerKind[] = ["vipcast"];
const conditional: StageOptions = { speaker: "vipcast", setup: governed("conditional"), prepare: startWitness };

function vipcastOn(stage: Stage, name: WorkerName): VipcastSpeaker {
  const speaker = stage.speaker(name);
  if (!(speaker instanceof VipcastSpeaker)) throw new Error(`${name} runs no vipcast`);
  return speaker;
}

/** What a node thinks about the VIP, as `vipcast site status` says it. */
async function stateOn(stage: Stage, name: WorkerName): Promise<string> {
  const answer: unknown = JSON.parse(await vipcastOn(stage, name).cli("site", "status", "--json"));
  const [policy] = listAt(objectAt(answer).policies);
  const [prefix] = listAt(objectAt(policy).prefixes);
  return `${String(objectAt(prefix).state)}, ${String(objectAt(policy).view)}`;
}

/** Waits until every node of a site thinks so. */
async function allAre(stage: Stage, names: readonly WorkerName[], state: string, timeoutMs = 60_000): Promise<void> {
  const logs = names.map((name) => ({ name, logTail: (n?: number) => stage.speaker(name).logTail(n) }));
  for (const name of names) {
    await waitFor(
      `${name} to be ${state}`,
      () => stateOn(stage, name),
      (s) => s === state,
      { timeoutMs, everyMs: 200, logs },
    );
  }
}

/** The primary site serves, the other one stands by, and both see each other. */
async function settled(stage: Stage): Promise<void> {
  await allAre(stage, PRIMARY, "active, sighted");
  await allAre(stage, RECOVERY, "standby, sighted");
}

const answeredBy = (performance: Performance, names: readonly WorkerName[]): number =>
  names.reduce((sum, name) => sum + (performance.answers[name] ?? 0), 0);

const partition = (name: string, routers: "plain" | "recommended"): Scenario => ({
  name,
  summary: `the primary site is cut off, the other takes over by its policy, and the cut is healed (routers: ${routers}); counted from the healing`,
  speakers: GOVERNED,
  ...(routers === "recommended"
    ? { aim: { lost: 0, why: "one of two serving sites leaves, and marks its routes first" } }
    : {}),
  perform: () =>
    onStage({ ...conditional, routers }, async (stage) => {
      await settled(stage);
      stage.sites.cut("hub", "backbone");
      await allAre(stage, RECOVERY, "active, sighted");
      await stage.served(1_000);
      await sleep(PARTITION_MS);
      const performance = await measure(stage, () => stage.sites.mend("hub", "backbone"), {
        settleMs: 30_000,
        calmMs: 5_000,
      });
      await settled(stage);
      return checked(performance, { "the primary site answers in the end": answeredBy(performance, PRIMARY) > 0 });
    }),
});

const siteIsolated: Scenario = {
  name: "site-isolated-policy",
  summary:
    "the whole primary site loses the backbone; the recovery site, which announced nothing, sees its claims go and takes over",
  speakers: GOVERNED,
  perform: () =>
    onStage(conditional, async (stage) => {
      await settled(stage);
      const performance = await measure(stage, () => stage.sites.cut("hub", "backbone"), {
        withdrawn: { router: "dr", accept: (r) => r.startsWith("bgp") },
        settleMs: 5_000,
      });
      return checked(performance, { "the recovery site answers": answeredBy(performance, RECOVERY) > 0 });
    }),
};

/** An operator's word to one node of a site; counted until the other site has left. */
async function move(stage: Stage, to: WorkerName, leaving: readonly WorkerName[]): Promise<Performance> {
  const performance = await measure(
    stage,
    () =>
      vipcastOn(stage, to)
        .cli("site", "promote")
        .then(() => {}),
    {
      settleMs: 8_000,
    },
  );
  await allAre(stage, leaving, "standby, sighted");
  return performance;
}

const promote: Scenario = {
  name: "promote",
  summary: "an operator promotes the recovery site: planned failover",
  speakers: GOVERNED,
  aim: { lost: 0, why: "a planned move: the new site announces before the old one withdraws" },
  perform: () =>
    onStage(conditional, async (stage) => {
      await settled(stage);
      const performance = await move(stage, "r221", PRIMARY);
      return checked(performance, { "the recovery site answers": answeredBy(performance, RECOVERY) > 0 });
    }),
};

const failback: Scenario = {
  name: "failback",
  summary: "the recovery site serves after a promote, and an operator takes the service back: planned failback",
  speakers: GOVERNED,
  aim: { lost: 0, why: "a planned move: the new site announces before the old one withdraws" },
  perform: () =>
    onStage(conditional, async (stage) => {
      await settled(stage);
      await vipcastOn(stage, "r221").cli("site", "promote");
      await allAre(stage, RECOVERY, "active, sighted");
      await allAre(stage, PRIMARY, "standby, sighted");
      await stage.served(2_000);
      const performance = await move(stage, "p221", RECOVERY);
      return checked(performance, { "the primary site answers": answeredBy(performance, PRIMARY) > 0 });
    }),
};

/** The workers of the primary site lose power, the recovery site serves, and power returns. Counts packets to the VIP at the primary. */
async function powerCycle(stage: Stage, performed: (stage: Stage) => Promise<void>): Promise<Performance> {
  await Promise.all(PRIMARY.map((name) => stage.powerOff(name)));
  await waitFor(
    "the recovery site to answer",
    () => stage.probes(wallNow() - 2_000),
    (probes) => probes.some((p) => p.by?.startsWith("r") === true),
    { timeoutMs: 60_000 },
  );
  await stage.served(2_000);
  const captures: Capture[] = await Promise.all(
    PRIMARY.map((name) =>
      startCapture(stage.sites.workers[name].host, `to-${siteOf(name)}`, `dst host ${VIP}`, ["ip.src", "ip.dst"]),
    ),
  );
  const performance = await measure(
    stage,
    async () => {
      await Promise.all(PRIMARY.map((name) => stage.powerOn(name)));
      await performed(stage);
    },
    { settleMs: 15_000 },
  );
  const packets = captures.reduce((sum, capture) => sum + capture.rows().length, 0);
  await Promise.all(captures.map((capture) => capture.stop()));
  return {
    ...performance,
    extra: { ...performance.extra, packetsAtPrimary: packets, answersByPrimary: answeredBy(performance, PRIMARY) },
  };
}

const returningPrimary: Scenario = {
  name: "returning-primary",
  summary:
    "the primary site was dead and returns while the recovery site serves: not one packet may go there until failback",
  speakers: GOVERNED,
  aim: { lost: 0, why: "who returns asks before it announces" },
  perform: () =>
    onStage(conditional, async (stage) => {
      await settled(stage);
      const performance = await powerCycle(stage, (s) => allAre(s, PRIMARY, "standby, sighted"));
      await allAre(stage, RECOVERY, "active, sighted");
      return checked(performance, {
        "not one packet for the VIP at the primary site": performance.extra?.packetsAtPrimary === 0,
      });
    }),
};

const returningPrimaryToday: Scenario = {
  name: "returning-primary-today",
  summary:
    "the same without a SitePolicy: the primary announces as soon as it is there, the recovery site stands by with a higher metric",
  speakers: ["vipcast", "frr"],
  perform: (kind) =>
    onStage({ speaker: kind, setup: withStandby }, async (stage) => {
      const performance = await powerCycle(stage, async () => {});
      // the proof that returning-primary counts what it says it does not see
      return checked(performance, {
        "packets for the VIP are counted at the primary site": Number(performance.extra?.packetsAtPrimary) > 0,
      });
    }),
};

export const SITES: readonly Scenario[] = [
  partition("partition-policy", "recommended"),
  partition("partition-policy-plain", "plain"),
  siteIsolated,
  promote,
  failback,
  returningPrimary,
  returningPrimaryToday,
];

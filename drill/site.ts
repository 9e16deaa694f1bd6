// Scenarios of two sites of which one serves: partition, site loss, failover by an operator, a primary site that returns, failback.
// Owns their story. Where a SitePolicy governs, claims go through a witness behind the access router (policy.ts).
import { setTimeout as sleep } from "node:timers/promises";
import { type Capture, startCapture } from "../lab/capture.ts";
import { listAt, objectAt } from "../lab/routes.ts";
import { VIP, type WorkerName } from "../lab/topologies/twoSites.ts";
import { waitFor } from "../lab/waitFor.ts";
import { governed, siteOf, startWitness } from "./policy.ts";
import { wallNow } from "./programs.ts";
import type { Act, Aim, Figures, Performance, Scenario } from "./scenario.ts";
import { BOTH, PARTITION_MS, PRIMARY, RECOVERY, withStandby } from "./setups.ts";
import { type SpeakerKind, VipcastSpeaker } from "./speakers.ts";
import type { Stage } from "./stage.ts";

const GOVERNED: readonly SpeakerKind[] = ["vipcast"];
const CONDITIONAL: Scenario["stage"] = { setup: governed("conditional"), prepare: startWitness };

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

const answeredBy = ({ answers }: Performance, names: readonly WorkerName[]): number =>
  names.reduce((sum, name) => sum + (answers[name] ?? 0), 0);
const primaryAnswers = (performance: Performance): boolean => answeredBy(performance, PRIMARY) > 0;
const recoveryAnswers = (performance: Performance): boolean => answeredBy(performance, RECOVERY) > 0;

const partition = (name: string, routers: "plain" | "recommended"): Scenario => ({
  name,
  summary: `the primary site is cut off, the other takes over by its policy, and the cut is healed (routers: ${routers}); counted from the healing`,
  speakers: GOVERNED,
  ...(routers === "recommended"
    ? { aim: { lost: 0, why: "one of two serving sites leaves, and marks its routes first" } }
    : {}),
  stage: { ...CONDITIONAL, routers },
  before: async (stage) => {
    await settled(stage);
    stage.sites.cut("hub", "backbone");
    await allAre(stage, RECOVERY, "active, sighted");
    await stage.served(1_000);
    await sleep(PARTITION_MS);
  },
  event: (stage) => stage.sites.mend("hub", "backbone"),
  measure: { settleMs: 30_000, calmMs: 5_000 },
  afterwards: settled,
  holds: { "the primary site answers in the end": primaryAnswers },
});

const siteIsolated: Scenario = {
  name: "site-isolated-policy",
  summary:
    "the whole primary site loses the backbone; the recovery site, which announced nothing, sees its claims go and takes over",
  speakers: GOVERNED,
  stage: CONDITIONAL,
  before: settled,
  event: (stage) => stage.sites.cut("hub", "backbone"),
  measure: { withdrawn: { router: "dr", accept: (route) => route.startsWith("bgp") }, settleMs: 5_000 },
  holds: { "the recovery site answers": recoveryAnswers },
};

/** An operator's word to one node of a site. */
const promoteOn =
  (name: WorkerName): Act =>
  async (stage) => {
    await vipcastOn(stage, name).cli("site", "promote");
  };
const PLANNED_MOVE: Aim = { lost: 0, why: "a planned move: the new site announces before the old one withdraws" };
/** Milliseconds in which the other site leaves. */
const LEAVING = { settleMs: 8_000 };

const promote: Scenario = {
  name: "promote",
  summary: "an operator promotes the recovery site: planned failover",
  speakers: GOVERNED,
  aim: PLANNED_MOVE,
  stage: CONDITIONAL,
  before: settled,
  event: promoteOn("r221"),
  measure: LEAVING,
  afterwards: (stage) => allAre(stage, PRIMARY, "standby, sighted"),
  holds: { "the recovery site answers": recoveryAnswers },
};

const failback: Scenario = {
  name: "failback",
  summary: "the recovery site serves after a promote, and an operator takes the service back: planned failback",
  speakers: GOVERNED,
  aim: PLANNED_MOVE,
  stage: CONDITIONAL,
  before: async (stage, note) => {
    await settled(stage);
    await promoteOn("r221")(stage, note);
    await allAre(stage, RECOVERY, "active, sighted");
    await allAre(stage, PRIMARY, "standby, sighted");
    await stage.served(2_000);
  },
  event: promoteOn("p221"),
  measure: LEAVING,
  afterwards: (stage) => allAre(stage, RECOVERY, "standby, sighted"),
  holds: { "the primary site answers": primaryAnswers },
};

/** The workers of the primary site lose power, and the recovery site serves. */
async function losePrimary(stage: Stage): Promise<void> {
  await Promise.all(PRIMARY.map((name) => stage.powerOff(name)));
  await waitFor(
    "the recovery site to answer",
    () => stage.probes(wallNow() - 2_000),
    (probes) => probes.some((p) => p.by?.startsWith("r") === true),
    { timeoutMs: 60_000 },
  );
  await stage.served(2_000);
}

const powerReturns = async (stage: Stage): Promise<void> => {
  await Promise.all(PRIMARY.map((name) => stage.powerOn(name)));
};

/** Counts packets to the VIP at the primary site, and answers from there. */
async function atPrimary(stage: Stage): Promise<(counted: Performance) => Promise<Figures>> {
  const captures: readonly Capture[] = await Promise.all(
    PRIMARY.map((name) =>
      startCapture(stage.sites.workers[name].host, `to-${siteOf(name)}`, `dst host ${VIP}`, ["ip.src", "ip.dst"]),
    ),
  );
  return async (counted) => {
    const packetsAtPrimary = captures.reduce((sum, capture) => sum + capture.rows().length, 0);
    await Promise.all(captures.map((capture) => capture.stop()));
    return { packetsAtPrimary, answersByPrimary: answeredBy(counted, PRIMARY) };
  };
}

const returningPrimary: Scenario = {
  name: "returning-primary",
  summary:
    "the primary site was dead and returns while the recovery site serves: not one packet may go there until failback",
  speakers: GOVERNED,
  aim: { lost: 0, why: "who returns asks before it announces" },
  stage: CONDITIONAL,
  before: async (stage) => {
    await settled(stage);
    await losePrimary(stage);
  },
  watch: atPrimary,
  event: async (stage) => {
    await powerReturns(stage);
    await allAre(stage, PRIMARY, "standby, sighted");
  },
  measure: { settleMs: 15_000 },
  afterwards: (stage) => allAre(stage, RECOVERY, "active, sighted"),
  holds: { "not one packet for the VIP at the primary site": ({ extra }) => extra.packetsAtPrimary === 0 },
};

const returningPrimaryToday: Scenario = {
  name: "returning-primary-today",
  summary:
    "the same without a SitePolicy: the primary announces as soon as it is there, the recovery site stands by with a higher metric",
  speakers: BOTH,
  stage: { setup: withStandby },
  before: losePrimary,
  watch: atPrimary,
  event: powerReturns,
  measure: { settleMs: 15_000 },
  // the proof that returning-primary counts what it says it does not see
  holds: { "packets for the VIP are counted at the primary site": ({ extra }) => Number(extra.packetsAtPrimary) > 0 },
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

// Scenarios in which an operator, or a service manager, takes a speaker away and brings it back: drains, restarts, upgrades. The web
// servers run on meanwhile, as the pods of a node do. Owns their story only.
import { setTimeout as sleep } from "node:timers/promises";
import type { WorkerName } from "../lab/topologies/twoSites.ts";
import { waitFor } from "../lab/waitFor.ts";
import { wallNow } from "./programs.ts";
import type { Act, Aim, Checks, Scenario } from "./scenario.ts";
import { BOTH, has, hasNot, hubHasBoth, hubHasTheOther, P221, primaryOnly, withStandby } from "./setups.ts";
import { type SpeakerSetup, VipcastSpeaker } from "./speakers.ts";
import { type Stage, WORKER_NAMES } from "./stage.ts";

/** How long routes stay marked: this network moves its traffic in milliseconds. */
const DRAIN_TIME = "500ms";
const DRAIN_ARGS = ["--drain-time", DRAIN_TIME] as const;
/** Longer than FRR's pause after a session that ended, and than the detection time of BFD. */
const AWAY_MS = 2_500;

/** A plan that costs nothing. */
const LOSSLESS: Aim = { lost: 0, why: "planned" };

/** Starts a speaker and waits for its route. @returns milliseconds from the start of the process to the route at its router */
async function startAndSee(stage: Stage, name: WorkerName): Promise<number> {
  const { router, address } = stage.sites.workers[name];
  const since = wallNow();
  await stage.speaker(name).start();
  // the timeline keeps changes, so the moment is exact however rarely one looks
  const seen = await waitFor(
    `the route of ${name} at ${router}`,
    () => stage.timeline.first(router, since, has(address)),
    (change) => change !== null,
    { timeoutMs: 60_000, everyMs: 20 },
  );
  return (seen?.at ?? Number.NaN) - since;
}

/** Waits until the worker's router calls its session established again. */
async function sessionBack(stage: Stage, name: WorkerName): Promise<void> {
  const { router, address } = stage.sites.workers[name];
  await waitFor(
    `the session of ${name}`,
    () => stage.sites.routers[router].peer(address),
    (peer) => peer.state === "Established",
    { timeoutMs: 60_000, everyMs: 20 },
  );
}

/** A worker is emptied, as an operator of that speaker would do it. @throws Error when the drain is not proven */
async function empty(stage: Stage, name: WorkerName): Promise<void> {
  const speaker = stage.speaker(name);
  if (speaker instanceof VipcastSpeaker) {
    const answer = await speaker.cli("drain", "--wait", "--json", ...DRAIN_ARGS);
    const { proven } = JSON.parse(answer) as { readonly proven: unknown };
    if (proven !== true) throw new Error(`the drain of ${name} is not proven: ${answer}`);
  } else {
    await speaker.serve(false);
    await sleep(500);
  }
}

const drain: Scenario = {
  name: "drain",
  summary: "a worker is drained (vipcast drain --wait; FRR: network removed), then loses power",
  speakers: BOTH,
  aim: LOSSLESS,
  stage: { setup: primaryOnly },
  event: async (stage, note) => {
    const since = wallNow();
    await empty(stage, "p221");
    note({ drainedMs: wallNow() - since });
    await stage.powerOff("p221");
  },
  holds: hubHasTheOther,
};

const undrain: Scenario = {
  name: "undrain",
  summary: "a worker is drained and taken back",
  speakers: ["vipcast"],
  aim: LOSSLESS,
  stage: { setup: primaryOnly },
  event: async (stage) => {
    await empty(stage, "p221");
    const speaker = stage.speaker("p221");
    if (speaker instanceof VipcastSpeaker) await speaker.cli("undrain");
  },
  holds: hubHasBoth,
};

const rollingRestart: Scenario = {
  name: "rolling-restart",
  summary: "the speakers of all workers are restarted one after the other (SIGTERM, start, wait for the route)",
  speakers: BOTH,
  aim: LOSSLESS,
  stage: { setup: (name) => ({ ...withStandby(name), extraArgs: DRAIN_ARGS }) },
  event: async (stage, note) => {
    const times: number[] = [];
    for (const name of WORKER_NAMES) {
      await stage.speaker(name).stop();
      times.push(await startAndSee(stage, name));
    }
    note({ slowestBackMs: Math.max(...times) });
  },
};

const speakerRestart: Scenario = {
  name: "speaker-restart",
  summary: "a speaker is killed, and started again when its router has forgotten it; no graceful restart",
  speakers: BOTH,
  aim: { back: 300, why: "from the start of the process to the route in the router" },
  stage: { setup: primaryOnly },
  event: async (stage, note) => {
    await stage.speaker("p221").kill();
    await sleep(AWAY_MS);
    note({ backMs: await startAndSee(stage, "p221") });
    await sleep(2_000);
    await stage.speaker("p221").kill();
    await waitFor("the router to notice", () => stage.tables().hub, hasNot(P221), { everyMs: 5 });
    note({ atOnceMs: await startAndSee(stage, "p221") });
  },
};

/** One worker alone has the service: whoever forgets its route loses requests. */
const alone = (name: WorkerName): SpeakerSetup => ({ serves: name === "p221", gracefulRestart: true });
const theRouteStayed: Checks = { "the route stayed": ({ after }) => after.hub === `bgp via ${P221}` };

/** A speaker ends, is away for a while, and starts again under graceful restart. */
async function replace(stage: Stage, name: WorkerName, end: "kill" | "stop" = "kill", awayMs = 0): Promise<void> {
  const speaker = stage.speaker(name);
  await speaker[end]();
  if (awayMs > 0) await sleep(awayMs);
  await speaker.start();
  await sessionBack(stage, name);
}

const crashRestart: Scenario = {
  name: "crash-restart",
  summary: "the only speaker with the service is killed and started again at once; graceful restart",
  speakers: BOTH,
  aim: LOSSLESS,
  stage: { setup: alone },
  event: (stage) => replace(stage, "p221"),
  holds: theRouteStayed,
};

const upgrade: Scenario = {
  name: "upgrade",
  summary: "the speakers of all workers are replaced one after the other without a goodbye; graceful restart",
  speakers: BOTH,
  aim: LOSSLESS,
  stage: { setup: (name) => ({ ...withStandby(name), gracefulRestart: true }) },
  event: async (stage) => {
    for (const name of WORKER_NAMES) await replace(stage, name);
  },
  holds: hubHasBoth,
};

const serviceRestart: Scenario = {
  name: "service-restart",
  summary:
    "the only speaker with the service is restarted by its service manager (SIGTERM, start); graceful restart, --stop-keeps-routes",
  speakers: BOTH,
  aim: LOSSLESS,
  stage: { setup: (name) => ({ ...alone(name), extraArgs: ["--stop-keeps-routes"] }) },
  event: (stage) => replace(stage, "p221", "stop"),
  holds: theRouteStayed,
};

/** Routers without the setting that keeps routes when BFD fails with the control plane. */
const withoutCheck: Act = async (stage) => {
  await stage.sites.routers.hub.configure(["router bgp 65008", "no neighbor WORKERS bfd check-control-plane-failure"]);
  await stage.served(2_000);
};

const restartBfd = (name: string, router: "plain" | "check"): Scenario => ({
  name,
  summary: `as crash-restart, but away for ${AWAY_MS / 1000} s, longer than BFD's detection; router ${router === "check" ? "with" : "without"} bfd check-control-plane-failure`,
  speakers: BOTH,
  aim: LOSSLESS,
  stage: { setup: alone },
  ...(router === "plain" ? { before: withoutCheck } : {}),
  event: (stage) => replace(stage, "p221", "kill", AWAY_MS),
  holds: theRouteStayed,
});

export const PLANNED: readonly Scenario[] = [
  drain,
  undrain,
  rollingRestart,
  speakerRestart,
  crashRestart,
  upgrade,
  serviceRestart,
  restartBfd("restart-bfd", "check"),
  restartBfd("restart-bfd-plain", "plain"),
];

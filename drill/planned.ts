// Scenarios in which an operator, or a service manager, takes a speaker away and brings it back: drains, restarts, upgrades. The web
// servers run on meanwhile, as the pods of a node do. Owns their story only.
import { setTimeout as sleep } from "node:timers/promises";
import type { WorkerName } from "../lab/topologies/twoSites.ts";
import { waitFor } from "../lab/waitFor.ts";
import { checked, onStage, primaryOnly, withStandby } from "./losses.ts";
import { wallNow } from "./programs.ts";
import { measure, type Performance, type Scenario } from "./scenario.ts";
import { type SpeakerKind, type SpeakerSetup, VipcastSpeaker } from "./speakers.ts";
import { type Stage, WORKER_NAMES } from "./stage.ts";

const BOTH: readonly SpeakerKind[] = ["vipcast", "frr"];
const P221 = "192.100.1.221";
const P222 = "192.100.1.222";
/** How long routes stay marked: this network moves its traffic in milliseconds. */
const DRAIN_TIME = "500ms";
const DRAIN_ARGS = ["--drain-time", DRAIN_TIME] as const;
/** Longer than FRR's pause after a session that ended, and than the detection time of BFD. */
const AWAY_MS = 2_500;

/** A plan that costs nothing. */
const LOSSLESS = { lost: 0, why: "planned" } as const;

const has =
  (address: string) =>
  (route: string): boolean =>
    route.includes(address);

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

/** A worker is emptied: as an operator of that speaker would do it. */
async function empty(stage: Stage, name: WorkerName): Promise<string> {
  const speaker = stage.speaker(name);
  if (speaker instanceof VipcastSpeaker) return speaker.cli("drain", "--wait", "--json", ...DRAIN_ARGS);
  await speaker.serve(false);
  await sleep(500);
  return "";
}

const drain: Scenario = {
  name: "drain",
  summary: "a worker is drained (vipcast drain --wait; FRR: network removed), then loses power",
  speakers: BOTH,
  aim: LOSSLESS,
  perform: (kind) =>
    onStage({ speaker: kind, setup: primaryOnly }, async (stage) => {
      let answer = "";
      let drainedMs = 0;
      const performance = await measure(stage, async () => {
        const since = wallNow();
        answer = await empty(stage, "p221");
        drainedMs = wallNow() - since;
        await stage.powerOff("p221");
      });
      const proven = kind === "frr" || (JSON.parse(answer) as { readonly proven: unknown }).proven === true;
      return checked(withExtra(performance, { drainedMs }), {
        "the drain is proven": proven,
        "the hub has the other worker": performance.after.hub === `bgp via ${P222}`,
      });
    }),
};

const undrain: Scenario = {
  name: "undrain",
  summary: "a worker is drained and taken back",
  speakers: ["vipcast"],
  aim: LOSSLESS,
  perform: (kind) =>
    onStage({ speaker: kind, setup: primaryOnly }, async (stage) => {
      const performance = await measure(stage, async () => {
        await empty(stage, "p221");
        const speaker = stage.speaker("p221");
        if (speaker instanceof VipcastSpeaker) await speaker.cli("undrain");
      });
      return checked(performance, { "the hub has both workers": performance.after.hub === `bgp via ${P221}, ${P222}` });
    }),
};

const rollingRestart: Scenario = {
  name: "rolling-restart",
  summary: "the speakers of all workers are restarted one after the other (SIGTERM, start, wait for the route)",
  speakers: BOTH,
  aim: LOSSLESS,
  perform: (kind) => {
    const setup = (name: WorkerName): SpeakerSetup => ({ ...withStandby(name), extraArgs: DRAIN_ARGS });
    return onStage({ speaker: kind, setup }, async (stage) => {
      const times: number[] = [];
      const performance = await measure(stage, async () => {
        for (const name of WORKER_NAMES) {
          await stage.speaker(name).stop();
          times.push(await startAndSee(stage, name));
        }
      });
      return withExtra(performance, { slowestBackMs: Math.max(...times) });
    });
  },
};

const speakerRestart: Scenario = {
  name: "speaker-restart",
  summary: "a speaker is killed, and started again when its router has forgotten it; no graceful restart",
  speakers: BOTH,
  aim: { back: 300, why: "from the start of the process to the route in the router" },
  perform: (kind) =>
    onStage({ speaker: kind, setup: primaryOnly }, async (stage) => {
      let backMs = 0;
      let atOnceMs = 0;
      const performance = await measure(stage, async () => {
        await stage.speaker("p221").kill();
        await sleep(AWAY_MS);
        backMs = await startAndSee(stage, "p221");
        await sleep(2_000);
        await stage.speaker("p221").kill();
        await waitFor(
          "the router to notice",
          () => stage.tables().hub,
          (route) => !has(P221)(route),
          { everyMs: 5 },
        );
        atOnceMs = await startAndSee(stage, "p221");
      });
      return withExtra(performance, { backMs, atOnceMs });
    }),
};

/** One worker alone has the service: whoever forgets its route loses requests. */
const alone = (name: WorkerName): SpeakerSetup => ({ serves: name === "p221", gracefulRestart: true });

const crashRestart: Scenario = {
  name: "crash-restart",
  summary: "the only speaker with the service is killed and started again at once; graceful restart",
  speakers: BOTH,
  aim: LOSSLESS,
  perform: (kind) =>
    onStage({ speaker: kind, setup: alone }, async (stage) => {
      const performance = await measure(stage, async () => {
        await stage.speaker("p221").kill();
        await stage.speaker("p221").start();
        await sessionBack(stage, "p221");
      });
      return checked(performance, { "the route stayed": performance.after.hub === `bgp via ${P221}` });
    }),
};

const upgrade: Scenario = {
  name: "upgrade",
  summary: "the speakers of all workers are replaced one after the other without a goodbye; graceful restart",
  speakers: BOTH,
  aim: LOSSLESS,
  perform: (kind) => {
    const setup = (name: WorkerName): SpeakerSetup => ({ ...withStandby(name), gracefulRestart: true });
    return onStage({ speaker: kind, setup }, async (stage) => {
      const performance = await measure(stage, async () => {
        for (const name of WORKER_NAMES) {
          await stage.speaker(name).kill();
          await stage.speaker(name).start();
          await sessionBack(stage, name);
        }
      });
      return checked(performance, { "the hub has both workers": performance.after.hub === `bgp via ${P221}, ${P222}` });
    });
  },
};

const serviceRestart: Scenario = {
  name: "service-restart",
  summary:
    "the only speaker with the service is restarted by its service manager (SIGTERM, start); graceful restart, --stop-keeps-routes",
  speakers: BOTH,
  aim: LOSSLESS,
  perform: (kind) => {
    const setup = (name: WorkerName): SpeakerSetup => ({ ...alone(name), extraArgs: ["--stop-keeps-routes"] });
    return onStage({ speaker: kind, setup }, async (stage) => {
      const performance = await measure(stage, async () => {
        await stage.speaker("p221").stop();
        await stage.speaker("p221").start();
        await sessionBack(stage, "p221");
      });
      return checked(performance, { "the route stayed": performance.after.hub === `bgp via ${P221}` });
    });
  },
};

const restartBfd = (name: string, router: "plain" | "check"): Scenario => ({
  name,
  summary: `as crash-restart, but away for ${AWAY_MS / 1000} s, longer than BFD's detection; router ${router === "check" ? "with" : "without"} bfd check-control-plane-failure`,
  speakers: BOTH,
  aim: LOSSLESS,
  perform: (kind) =>
    onStage({ speaker: kind, setup: alone }, async (stage) => {
      if (router === "plain") {
        const lines = ["router bgp 65008", "no neighbor WORKERS bfd check-control-plane-failure"];
        await stage.sites.routers.hub.configure(lines);
        await stage.served(2_000);
      }
      const performance = await measure(stage, async () => {
        await stage.speaker("p221").kill();
        await sleep(AWAY_MS);
        await stage.speaker("p221").start();
        await sessionBack(stage, "p221");
      });
      return checked(performance, { "the route stayed": performance.after.hub === `bgp via ${P221}` });
    }),
});

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

const withExtra = (performance: Performance, extra: Readonly<Record<string, number>>): Performance => ({
  ...performance,
  extra: { ...performance.extra, ...extra },
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

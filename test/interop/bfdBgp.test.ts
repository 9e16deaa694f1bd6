// BFD and BGP together (RFC 5882), our whole program against FRR's bgpd and bfdd: what ends a session, what must not, and
// in which order.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { captureProblem, startCapture } from "../../lab/capture.ts";
import { bfdPeer, type FrrBfdPeer } from "../../lab/frrBfd.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { JsonObject } from "../../lab/routes.ts";
import { type OneRouter, type OneRouterOptions, oneRouter } from "../../lab/topologies/oneRouter.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  bgpPeer,
  established,
  goneAt,
  labTracker,
  logLine,
  type Manifest,
  Manifests,
  peersOf,
  peerThat,
  pool,
  routeAt,
  service,
  startSpeaker,
} from "./support.ts";

const problem = labProblem();
const ROUTE = "198.51.100.10/32";
/** Of the session with hold time 180 s: whatever ends it within seconds was not the hold timer. */
const HOLD_TIME = "180s";
const INTERVAL = 100;
const DETECTION_MS = 3 * INTERVAL;
/** What a machine, busy with other tests, may add to the detection time until the effect is seen by asking. */
const LATE_MS = 700;

const QUICK = [
  " profile quick",
  `  transmit-interval ${INTERVAL}`,
  `  receive-interval ${INTERVAL}`,
  "  detect-multiplier 3",
  " exit",
];

const bfdProfile = (spec: JsonObject = {}, name = "quick"): Manifest => ({
  apiVersion: "metallb.io/v1beta1",
  kind: "BFDProfile",
  metadata: { name, namespace: "metallb-system" },
  spec: { transmitInterval: INTERVAL, receiveInterval: INTERVAL, detectMultiplier: 3, ...spec },
});

describe.skipIf(problem !== null)(titleOrSkip("BFD and BGP with FRR", problem), () => {
  const track = labTracker();

  interface Options extends OneRouterOptions {
    readonly spec?: JsonObject;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly extraArgs?: readonly string[];
    readonly profile?: JsonObject;
  }

  /** A speaker with one service and FRR with BFD; nothing is waited for. */
  async function start(options: Options = {}) {
    const { spec = {}, annotations = {}, extraArgs = [], profile = {}, ...topology } = options;
    const t = track(await oneRouter({ bfdd: QUICK, neighborLines: ["bfd profile quick"], ...topology }));
    const manifests = new Manifests(t.speaker);
    const edit = (more: JsonObject = {}, name = "tor"): void => {
      const all = { holdTime: HOLD_TIME, spec: { bfdProfile: "quick", ...spec, ...more } };
      const peer = bgpPeer(t, { name, ...all });
      manifests.write("peer.yaml", { ...peer, metadata: { ...(peer.metadata as JsonObject), annotations } });
    };
    const editProfile = (more: JsonObject): void => manifests.write("bfd.yaml", bfdProfile({ ...profile, ...more }));
    edit();
    editProfile({});
    manifests.write("pool.yaml", pool(), advertisement());
    manifests.write("web.yaml", ...service("web", "198.51.100.10"));
    const launch = (): Vipcast => startSpeaker(t.speaker, manifests, { extraArgs });
    return { ...t, manifests, edit, editProfile, launch, vipcast: launch() };
  }

  type Stage = Awaited<ReturnType<typeof start>>;

  const frrSees = (t: OneRouter, what: string, is: (p: FrrBfdPeer) => boolean, address = t.speakerAddress) =>
    waitFor(
      `bfdd sees ${what}`,
      () => bfdPeer(t.router, address),
      (p) => p !== null && is(p),
      { logs: [t.router] },
    );

  /** BGP Established with the route, BFD up at both ends and past the slow start. */
  async function settled(t: Stage, vipcast: Vipcast = t.vipcast): Promise<void> {
    await routeAt(t, ROUTE, [vipcast]);
    await frrSees(t, "up", (p) => p.status === "up" && p.remoteTransmitMs === INTERVAL);
    await logLine(vipcast, "BFD up", (l) => l.event === "bfdUp");
  }

  const countOf = (vipcast: Vipcast, event: string): number => vipcast.logs().filter((l) => l.event === event).length;

  /** The session has stood since it first came up, at FRR. */
  const unharmed = async (t: OneRouter): Promise<void> =>
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ state: "Established", established: 1, dropped: 0 });

  /** Holds true whenever it is looked at, for so long. */
  const holds = async (ms: number, check: () => Promise<void>): Promise<void> => {
    for (const until = performance.now() + ms; performance.now() < until; await sleep(50)) await check();
  };

  const lasts = (t: OneRouter, ms: number): Promise<void> => holds(ms, () => unharmed(t));

  const withdrawnWithin = async (t: Stage, act: () => void, ms: number): Promise<number> => {
    const since = performance.now();
    act();
    await goneAt(t, ROUTE, [t.vipcast], ms + 5_000);
    const took = performance.now() - since;
    expect(took).toBeLessThan(ms);
    return took;
  };

  test("C-246 C-250 a cut path ends the session with Cease/10 within the detection time, and both are back without damping", async () => {
    const t = await start();
    await settled(t);
    expect(countOf(t.vipcast, "sessionUp")).toBe(1);
    for (let round = 1; round <= 3; round++) {
      const since = performance.now();
      t.cut();
      const isThis = (l: JsonObject): boolean =>
        l.event === "sessionDown" && countOf(t.vipcast, "sessionDown") === round;
      const down = await logLine(t.vipcast, "the session is down", isThis);
      expect(performance.now() - since).toBeLessThan(DETECTION_MS + LATE_MS);
      expect(down).toMatchObject({ peer: "tor" });
      expect(JSON.stringify(down)).toMatch(/BFD/);
      await goneAt(t, ROUTE, [t.vipcast]);
      t.mend();
      const mended = performance.now();
      await peerThat(t, "is back", (p) => p.state === "Established" && p.established === round + 1, {
        logs: [t.vipcast],
      });
      await routeAt(t, ROUTE, [t.vipcast]);
      // the slow start of BFD and FRR's own pause: seconds; a damped peer would wait longer each time
      expect(performance.now() - mended).toBeLessThan(6_000);
      await frrSees(t, "up", (p) => p.status === "up");
    }
    expect(countOf(t.vipcast, "sessionUp")).toBe(4);
    expect(countOf(t.vipcast, "bfdDown")).toBe(3);
  });

  test("C-246 C-216 when FRR's bfdd is killed, FRR hears Cease/10 within the detection time; when it is back, so is BFD", async () => {
    const t = await start();
    await settled(t);
    await withdrawnWithin(t, () => t.router.signal("SIGKILL", "bfdd"), DETECTION_MS + LATE_MS);
    expect(t.router.logTail(200)).toContain(`received from neighbor ${t.speakerAddress} 6/10`);
    await t.router.start();
    await established(t, [t.vipcast]);
    await frrSees(t, "up", (p) => p.status === "up");
  });

  test("C-246 FRR drops the route of a frozen speaker within its detection time, at a hold time of 180 s", async () => {
    const t = await start();
    await settled(t);
    expect((await t.router.peer(t.speakerAddress)).holdTimeMs).toBe(180_000);
    await withdrawnWithin(t, () => t.vipcast.process.signal("SIGSTOP"), DETECTION_MS + LATE_MS);
    t.vipcast.process.signal("SIGCONT");
    await routeAt(t, ROUTE, [t.vipcast]);
  });

  test("C-246 a killed speaker costs FRR its routes at once, and is back in both protocols when it is started again", async () => {
    const t = await start();
    await settled(t);
    await withdrawnWithin(t, () => t.vipcast.process.signal("SIGKILL"), DETECTION_MS + LATE_MS);
    const again = t.launch();
    await settled(t, again);
  });

  test("C-247 FRR's shutdown of BFD is AdminDown: BGP stays, now and when BFD comes back", async () => {
    const t = await start();
    await settled(t);
    await t.router.configure(["bfd", "profile quick", "shutdown"]);
    await logLine(t.vipcast, "BFD is AdminDown", (l) => l.event === "bfdDown" && l.reason === "peerAdminDown");
    await lasts(t, 2 * DETECTION_MS);
    await t.router.configure(["bfd", "profile quick", "no shutdown"]);
    await frrSees(t, "up", (p) => p.status === "up");
    await lasts(t, 2 * DETECTION_MS);
  });

  test("C-220 C-247 a bfdProfile that is taken away and given back, live, leaves BGP alone at both ends", async () => {
    const t = await start();
    await settled(t);
    const line = "diagnostic neighbour: administratively down";
    t.edit({ bfdProfile: undefined });
    const seen = await frrSees(t, line, (p) => p.status !== "up" && /admin/i.test(p.remoteDiagnostic));
    expect(seen.downs).toBe(1);
    await lasts(t, 2 * DETECTION_MS);
    t.edit();
    await frrSees(t, "up again", (p) => p.status === "up" && p.ups === 2);
    await lasts(t, 2 * DETECTION_MS);
    expect(countOf(t.vipcast, "sessionDown")).toBe(0);
  });

  test("C-227 C-228 five changes of the BFDProfile while it runs: FRR has the new numbers, nothing flaps", async () => {
    const t = await start();
    await settled(t);
    for (const transmitInterval of [50, 400, 60, 200, 100]) {
      t.editProfile({ transmitInterval, receiveInterval: transmitInterval + 10 });
      await frrSees(
        t,
        `${transmitInterval} ms`,
        (p) => p.remoteTransmitMs === transmitInterval && p.remoteReceiveMs === transmitInterval + 10,
      );
    }
    await lasts(t, DETECTION_MS);
    expect(await bfdPeer(t.router, t.speakerAddress)).toMatchObject({ status: "up", ups: 1, downs: 0 });
    await unharmed(t);
  });

  test("a BFDProfile with an impossible value is refused with the field's path, and its last good state stays in force", async () => {
    const t = await start();
    await settled(t);
    t.editProfile({ detectMultiplier: 0, transmitInterval: 50 });
    const line = await logLine(t.vipcast, "the refusal", (l) => l.event === "configProblem");
    expect(JSON.stringify(line)).toContain("spec.detectMultiplier");
    await lasts(t, 2 * DETECTION_MS);
    expect(await bfdPeer(t.router, t.speakerAddress)).toMatchObject({
      status: "up",
      remoteTransmitMs: INTERVAL,
      downs: 0,
    });
  });

  test("C-248 a router without BFD: the session stands, with a warning that nothing watches its path", async () => {
    const t = await start({ neighborLines: [] });
    await routeAt(t, ROUTE, [t.vipcast]);
    const line = await logLine(
      t.vipcast,
      "the warning",
      (l) => l.event === "configProblem" && /BFD/.test(String(l.msg)),
      { timeoutMs: 30_000 },
    );
    expect(line).toMatchObject({ level: "warn" });
    const status = JSON.parse(await t.vipcast.cli("status", "--json", "--socket", t.vipcast.socket)) as JsonObject;
    expect(JSON.stringify(status)).toContain("has not come up");
    // it does not depend on how often one looks: when BFD comes up, the warning goes
    await t.router.configure(["router bgp 65002", `neighbor ${t.speakerAddress} bfd profile quick`]);
    await logLine(t.vipcast, "the end of it", (l) => l.event === "problemSolved" && /BFD/.test(String(l.msg)));
    await unharmed(t);
  });

  test("C-249 strict: no OPEN before BFD is up, none while it is down", async () => {
    const t = await start({ neighborLines: [], annotations: { "vipcast.io/bfd-strict": "true" } });
    const waiting = await waitFor(
      "the peer to wait for BFD",
      async () => (await peersOf(t.vipcast)).get("tor"),
      (p) => /bfd-strict/.test(String(p?.problem)),
      { logs: [t.vipcast] },
    );
    expect(waiting?.state).not.toBe("Established");
    expect((await t.router.peer(t.speakerAddress)).messages.opensRecv).toBe(0);
    await t.router.configure(["router bgp 65002", `neighbor ${t.speakerAddress} bfd profile quick`]);
    await settled(t);
    const bfdUp = t.vipcast.logs().findIndex((l) => l.event === "bfdUp");
    expect(t.vipcast.logs().findIndex((l) => l.event === "sessionUp")).toBeGreaterThan(bfdUp);

    const opens = (await t.router.peer(t.speakerAddress)).messages.opensRecv;
    t.router.signal("SIGKILL", "bfdd");
    await goneAt(t, ROUTE, [t.vipcast]);
    await holds(4 * DETECTION_MS, async () =>
      expect((await t.router.peer(t.speakerAddress)).messages.opensRecv).toBe(opens),
    );
    await t.router.start();
    await routeAt(t, ROUTE, [t.vipcast]);
  });

  test("C-251 BFD runs from the source address of the session, over the hops it may have", async () => {
    const t = await start({
      neighborLines: ["bfd profile quick", "ebgp-multihop 5"],
      spec: { ebgpMultiHop: true, sourceAddress: "192.0.2.1" },
    });
    await settled(t);
    const text = await t.router.ask("bfdd", "show bfd peers");
    expect(text).toMatch(/peer 192\.0\.2\.1 multihop local-address 192\.0\.2\.2/);
    await unharmed(t);
  });

  test("C-251 an internal session on a shared subnet has single-hop BFD, as FRR chooses", async () => {
    const t = await start({ session: "ibgp" });
    await settled(t);
    expect(await t.router.ask("bfdd", "show bfd peers")).not.toMatch(/multihop/);
    await withdrawnWithin(t, () => t.router.signal("SIGKILL", "bfdd"), DETECTION_MS + LATE_MS);
  });

  test.each(["", "bfd check-control-plane-failure"])("C-253 observe %s", async (line) => {
    const lines = ["bfd profile quick", ...(line === "" ? [] : [line]), "graceful-restart"];
    const t = await start({
      neighborLines: lines,
      spec: { enableGracefulRestart: true },
      extraArgs: ["--state-dir", "/tmp"],
    });
    await settled(t);
    const since = performance.now();
    t.vipcast.process.signal("SIGKILL");
    for (let i = 0; i < 20; i++) {
      const r = await t.router.route(ROUTE);
      console.log(line, Math.round(performance.now() - since), r.length, (await t.router.peer(t.speakerAddress)).state);
      await new Promise((r2) => setTimeout(r2, 100));
    }
    console.log(t.router.logTail(30));
  });

  test.skipIf(captureProblem() !== null)(
    "C-254 a planned stop: withdrawal, Cease, and only then BFD AdminDown",
    async () => {
      const t = await start();
      await settled(t);
      const fields = ["frame.time_epoch", "bgp.update.withdrawn_routes.length", "bgp.notify.major_error", "bfd.sta"];
      const filter = `src host ${t.speakerAddress} and (tcp or udp port 3784)`;
      const capture = await startCapture(t.router.host, "to-segment", filter, fields);
      const { code } = await t.vipcast.stop();
      expect(code).toBe(0);
      const rows = () => capture.rows();
      const isAdminDown = (r: Readonly<Record<string, string>>): boolean =>
        Number(r["bfd.sta"]) === 0 && r["bfd.sta"] !== "";
      await waitFor("AdminDown on the wire", rows, (all) => all.some(isAdminDown), { logs: [t.vipcast] });
      console.log(JSON.stringify(rows()));
      await capture.stop();
    },
  );
});

// BFD and BGP together (RFC 5882), our whole program against FRR's bgpd and bfdd: what ends a session, what must not, and
// in which order.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { captureProblem, startCapture } from "../../lab/capture.ts";
import { type FrrPeer, startFrr } from "../../lab/frr.ts";
import { bfdPeer, type FrrBfdPeer } from "../../lab/frrBfd.ts";
import { createLab } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { JsonObject } from "../../lab/routes.ts";
import { type OneRouter, type OneRouterOptions, oneRouter } from "../../lab/topologies/oneRouter.ts";
import { twoRouters } from "../../lab/topologies/twoRouters.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { type LogSource, waitFor } from "../../lab/waitFor.ts";
import {
  announcingWeb,
  bgpPeer,
  established,
  goneAt,
  labTracker,
  logLine,
  type Manifest,
  type PeerOptions,
  peersOf,
  peerThat,
  ROUTE,
  routeAt,
  startSpeaker,
  type Uplink,
} from "./support.ts";

const problem = labProblem();
/** Of the session with hold time 180 s: whatever ends it within seconds was not the hold timer. */
const HOLD_TIME = "180s";
/** Such that a router that has the machine only now and then is not taken for dead. */
const INTERVAL = 200;
const DETECTION_MS = 3 * INTERVAL;
/** What a machine, busy with other tests, may add to the detection time until the effect is seen by asking; the bench has figures. */
const LATE_MS = 4_000;

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
    readonly annotations?: PeerOptions["annotations"];
    /** With a directory for life signs, which graceful restart needs. */
    readonly remembers?: boolean;
  }

  /** A speaker with one service and FRR with BFD; nothing is waited for. */
  async function start(options: Options = {}) {
    const { spec = {}, annotations = {}, remembers = false, ...topology } = options;
    const t = track(await oneRouter({ bfdd: QUICK, neighborLines: ["bfd profile quick"], ...topology }));
    const manifests = announcingWeb(t.speaker);
    const edit = (more: JsonObject = {}, name = "tor"): void => {
      const all = { holdTime: HOLD_TIME, spec: { bfdProfile: "quick", ...spec, ...more } };
      manifests.write("peer.yaml", bgpPeer(t, { name, annotations, ...all }));
    };
    const editProfile = (more: JsonObject): void => manifests.write("bfd.yaml", bfdProfile(more));
    edit();
    editProfile({});
    const extraArgs = remembers ? ["--state-dir", t.speaker.dir] : [];
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

  const gracefully = (lines: readonly string[]): Promise<Stage> =>
    start({
      neighborLines: ["bfd profile quick", "graceful-restart", ...lines],
      spec: { enableGracefulRestart: true },
      remembers: true,
    });

  const kept = (t: OneRouter) => async (): Promise<void> => expect(await t.router.route(ROUTE)).toHaveLength(1);

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
      expect(performance.now() - mended).toBeLessThan(10_000);
      await frrSees(t, "up", (p) => p.status === "up");
    }
    expect(countOf(t.vipcast, "sessionUp")).toBe(4);
    expect(countOf(t.vipcast, "bfdDown")).toBe(3);
  });

  test("C-246 C-216 when FRR's bfdd is killed, FRR hears Cease/10 within the detection time; when it is back, so is BFD", async () => {
    const t = await start();
    await settled(t);
    const since = performance.now();
    t.router.signal("SIGKILL", "bfdd");
    await waitFor(
      "FRR to hear Cease/10",
      () => t.router.logTail(200),
      (log) => log.includes(`received from neighbor ${t.speakerAddress} 6/10`),
      { logs: [t.vipcast, t.router] },
    );
    expect(performance.now() - since).toBeLessThan(DETECTION_MS + LATE_MS);
    // the path is there and BFD has not come up again, so nothing stands against BGP
    await established(t, [t.vipcast]);
    await t.router.start();
    await frrSees(t, "up", (p) => p.status === "up");
    await logLine(t.vipcast, "BFD is up again", () => countOf(t.vipcast, "bfdUp") === 2);
    // a bfdd that begins anew reports Down to bgpd first, which may end the session once more: FRR's doing, not ours
    const ours = t.vipcast.logs().filter((l) => l.event === "sessionDown" && l.reason === "stopped");
    expect(ours).toHaveLength(1);
    await established(t, [t.vipcast]);
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

  // `no neighbor … bfd` alone has FRR 8.4 say Down before it falls silent, so a careful operator shuts BFD down first
  test("C-247 BFD shut down and taken away at FRR, then here, and given back in the other order: BGP never notices", async () => {
    const t = await start();
    await settled(t);
    await t.router.configure(["bfd", "profile quick", "shutdown"]);
    await logLine(t.vipcast, "BFD is down", (l) => l.event === "bfdDown" && l.reason === "peerAdminDown");
    await t.router.configure(["router bgp 65002", `no neighbor ${t.speakerAddress} bfd`]);
    await lasts(t, 2 * DETECTION_MS);
    t.edit({ bfdProfile: undefined });
    await logLine(t.vipcast, "the peer has changed", (l) => l.event === "peerChanged");
    await lasts(t, DETECTION_MS);
    t.edit();
    await t.router.configure(["bfd", "profile quick", "no shutdown"]);
    await t.router.configure(["router bgp 65002", `neighbor ${t.speakerAddress} bfd profile quick`]);
    await frrSees(t, "up", (p) => p.status === "up");
    await lasts(t, 2 * DETECTION_MS);
    expect(countOf(t.vipcast, "sessionDown")).toBe(0);
  });

  // routers older than FRR's change of 2026 take AdminDown of the other side for a failure, and end BGP themselves
  test("C-220 C-247 a bfdProfile taken away here first: FRR hears AdminDown, we end nothing, and the session is back at once", async () => {
    const t = await start();
    await settled(t);
    t.edit({ bfdProfile: undefined });
    const seen = await frrSees(t, "AdminDown", (p) => p.status !== "up" && /admin/i.test(p.remoteDiagnostic));
    expect(seen?.downs).toBe(1);
    const since = performance.now();
    const isOver = (): boolean => performance.now() - since > 3 * DETECTION_MS;
    const { established: times } = await peerThat(
      t,
      "has been ended once by FRR, or was left alone",
      (p) => p.upMs !== null && (p.established === 2 || isOver()),
    );
    expect(times).toBeLessThanOrEqual(2);
    await holds(2 * DETECTION_MS, async () =>
      expect(await t.router.peer(t.speakerAddress)).toMatchObject({ state: "Established", established: times }),
    );
    for (const line of t.vipcast.logs().filter((l) => l.event === "sessionDown")) {
      expect(line).toMatchObject({ reason: "notificationReceived", code: 6, subcode: 10 });
    }
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
    expect(line).toMatchObject({ level: "warn", path: "spec.bfdProfile" });
    const status = JSON.parse(await t.vipcast.cli("status", "--json", "--socket", t.vipcast.socket)) as JsonObject;
    expect(JSON.stringify(status)).toContain("without BFD");
    expect(status.bfd).toMatchObject({ kind: "native", stalls: 0, restarts: 0 });
    // when BFD comes up, the warning goes
    await t.router.configure(["router bgp 65002", `neighbor ${t.speakerAddress} bfd profile quick`]);
    await logLine(t.vipcast, "the end of it", (l) => l.event === "problemSolved" && /BFD/.test(String(l.msg)));
    await unharmed(t);
  });

  test("C-249 strict: no OPEN before BFD is up, none while it is down", async () => {
    const t = await start({ neighborLines: [], annotations: { "bfd-strict": "true" } });
    const waiting = await waitFor(
      "the peer to wait for BFD",
      async () => (await peersOf(t.vipcast)).get("tor"),
      (p) => /bfd-strict/.test(String(p?.why)),
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

  test("C-249 C-250 strict with FRR: BFD up first, one flap of FRR's own at most, and AdminDown holds nothing back", async () => {
    const t = await start({ annotations: { "bfd-strict": "true" } });
    await settled(t);
    // FRR makes its BFD session anew when the first BGP session tells it its own address (its issue 17337), and then says Down
    const steady = (times: number, logs: readonly LogSource[]): Promise<FrrPeer> =>
      peerThat(t, "lasts", (p) => (p.upMs ?? 0) > 1_500 && p.established >= times, { logs });
    const first = await steady(1, [t.vipcast]);
    expect(first.established).toBeLessThanOrEqual(2);
    const downs = t.vipcast.logs().filter((l) => l.event === "sessionDown");
    for (const line of downs) expect(line).toMatchObject({ code: 6, subcode: 10 });
    await frrSees(t, "up", (p) => p.status === "up");

    await t.router.configure(["bfd", "profile quick", "shutdown"]);
    await logLine(t.vipcast, "BFD is AdminDown", (l) => l.event === "bfdDown" && l.reason === "peerAdminDown");
    await holds(2 * DETECTION_MS, async () =>
      expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: first.established }),
    );
    await t.router.vtysh(`clear bgp ${t.speakerAddress}`);
    expect((await steady(first.established + 1, [t.vipcast])).established).toBe(first.established + 1);
  });

  test("C-251 over several hops BFD runs from the source address of the session, and ends it", async () => {
    const loopback = "203.0.113.1";
    const t = await start({ neighborLines: [], spec: { ebgpMultiHop: true, sourceAddress: loopback } });
    t.speaker.addAddress("lo", `${loopback}/32`);
    t.router.host.addRoute(`${loopback}/32`, t.speakerAddress);
    const lines = ["remote-as 65001", "timers connect 1", "ebgp-multihop 5", "bfd profile quick"];
    await t.router.configure(["router bgp 65002", ...lines.map((line) => `neighbor ${loopback} ${line}`)]);
    await routeAt(t, ROUTE, [t.vipcast]);
    await frrSees(t, "up", (p) => p.status === "up", loopback);
    expect(await t.router.ask("bfdd", "show bfd peers")).toMatch(/peer 203\.0\.113\.1 multihop/);
    await logLine(t.vipcast, "BFD up", (l) => l.event === "bfdUp");
    const since = performance.now();
    t.cut();
    await logLine(t.vipcast, "the end", (l) => l.event === "sessionDown" && l.subcode === 10);
    expect(performance.now() - since).toBeLessThan(DETECTION_MS + LATE_MS);
  });

  test("C-251 an internal session on a shared subnet has single-hop BFD, as FRR chooses", async () => {
    const t = await start({ session: "ibgp" });
    await settled(t);
    expect(await t.router.ask("bfdd", "show bfd peers")).not.toMatch(/multihop/);
    await withdrawnWithin(t, () => t.router.signal("SIGKILL", "bfdd"), DETECTION_MS + LATE_MS);
  });

  test.skipIf(captureProblem() !== null)(
    titleOrSkip("C-254 a planned stop: withdrawal, Cease, and only then BFD AdminDown", captureProblem()),
    async () => {
      const t = await start();
      await settled(t);
      const fields = ["frame.time_epoch", "bgp.update.withdrawn_routes.length", "bgp.notify.major_error", "bfd.sta"];
      const filter = `src host ${t.speakerAddress} and (tcp or udp port 3784)`;
      const capture = await startCapture(t.router.host, "to-segment", filter, fields);
      const rows = (): ReturnType<typeof capture.rows> => capture.rows();
      await waitFor("the first packet", rows, (all) => all.length > 0, { logs: [t.vipcast] });
      const { code } = await t.vipcast.stop();
      expect(code).toBe(0);
      const is = (field: string, value: number) => (row: ReturnType<typeof rows>[number]) =>
        row[field] !== "" && Number(row[field]) === value;
      const isAdminDown = is("bfd.sta", 0);
      await waitFor("AdminDown on the wire", rows, (all) => all.some(isAdminDown), { logs: [t.vipcast] });
      const seen = rows();
      await capture.stop();
      const withdrawal = seen.findIndex((r) => Number(r["bgp.update.withdrawn_routes.length"]) > 0);
      const ceased = seen.findIndex(is("bgp.notify.major_error", 6));
      const adminDown = seen.findIndex(isAdminDown);
      expect(withdrawal).toBeGreaterThanOrEqual(0);
      expect(ceased).toBeGreaterThanOrEqual(withdrawal); // they may share a segment
      expect(adminDown).toBeGreaterThan(ceased);
      expect(
        seen
          .slice(0, adminDown)
          .filter((r) => r["bfd.sta"] !== "")
          .every(is("bfd.sta", 3)),
      ).toBe(true);
      expect(t.vipcast.logs().filter((l) => l.event === "stopIncomplete")).toEqual([]);
    },
  );

  // here FRR's session is down by the closed connection, which is the start of the restart, and BFD comes too late to matter
  test.each([
    ["FRR as it is", []],
    ["FRR with check-control-plane-failure", ["bfd check-control-plane-failure"]],
  ])(
    "C-253 graceful restart and BFD together, %s: a killed speaker that returns costs no route",
    async (_how, lines) => {
      const t = await gracefully(lines);
      await settled(t);
      t.vipcast.process.signal("SIGKILL");
      await peerThat(t, "is down", (p) => p.state !== "Established");
      await frrSees(t, "down", (p) => p.status === "down");
      await holds(2 * DETECTION_MS, kept(t));
      const again = t.launch();
      await peerThat(t, "is back", (p) => p.state === "Established" && p.established === 2, { logs: [again] });
      await holds(DETECTION_MS, kept(t));
      await frrSees(t, "up", (p) => p.status === "up");
      await holds(2 * DETECTION_MS, kept(t));
    },
  );

  test.each([
    ["frozen", []],
    ["frozen", ["bfd check-control-plane-failure"]],
    ["cut off", []],
    ["cut off", ["bfd check-control-plane-failure"]],
  ] as const)(
    "C-253 graceful restart and BFD together: a speaker that is %s, while its connection stands, loses its route (FRR %j)",
    async (how, lines) => {
      const t = await gracefully(lines);
      await settled(t);
      const act = (): void => (how === "cut off" ? t.cut() : void t.vipcast.process.signal("SIGSTOP"));
      await withdrawnWithin(t, act, DETECTION_MS + LATE_MS);
      expect(t.router.logTail(200)).toContain(`Hard Reset): sent to neighbor ${t.speakerAddress} 6/10`);
    },
  );

  test("C-246 C-251 IPv6: the session over global addresses is watched over IPv6", async () => {
    const t = await start();
    await t.router.configure([
      "router bgp 65002",
      "neighbor 2001:db8:0:1::1 remote-as 65001",
      "neighbor 2001:db8:0:1::1 timers connect 1",
      "neighbor 2001:db8:0:1::1 bfd profile quick",
      "address-family ipv6 unicast",
      "neighbor 2001:db8:0:1::1 activate",
    ]);
    const six = bgpPeer(
      { routerAsn: t.routerAsn, routerAddress: t.routerAddress6 },
      { name: "tor6", holdTime: HOLD_TIME, spec: { bfdProfile: "quick" } },
    );
    t.manifests.write("peer6.yaml", six);
    await settled(t);
    await logLine(t.vipcast, "tor6 is up", (l) => l.event === "sessionUp" && l.peer === "tor6");
    await frrSees(t, "up over IPv6", (p) => p.status === "up", t.speakerAddress6);
    t.router.signal("SIGKILL", "bfdd");
    for (const peer of ["tor", "tor6"]) {
      await logLine(
        t.vipcast,
        `${peer} is down`,
        (l) => l.event === "sessionDown" && l.peer === peer && l.subcode === 10 && l.reason === "stopped",
      );
    }
  });

  test("a renamed peer keeps its BFD session, which notices nothing, and what BFD says goes to the new name", async () => {
    const t = await start();
    await settled(t);
    t.edit({}, "renamed");
    await logLine(t.vipcast, "the new name", (l) => l.event === "peerChanged" && l.peer === "renamed");
    await lasts(t, 2 * DETECTION_MS);
    expect(await bfdPeer(t.router, t.speakerAddress)).toMatchObject({ status: "up", ups: 1, downs: 0 });
    const since = performance.now();
    t.cut();
    await logLine(t.vipcast, "the end", (l) => l.event === "sessionDown" && l.peer === "renamed");
    expect(performance.now() - since).toBeLessThan(DETECTION_MS + LATE_MS);
  });

  test("C-246 two routers with a BFDProfile each: the failure of one is none of the other", async () => {
    const t = track(await twoRouters({ bfdd: QUICK, neighborLines: ["bfd profile quick"] }));
    const manifests = announcingWeb(t.speaker);
    const peer = (uplink: Uplink, name: string, bfdProfileName: string): Manifest =>
      bgpPeer(uplink, { name, holdTime: HOLD_TIME, spec: { bfdProfile: bfdProfileName } });
    manifests.write("peers.yaml", peer(t.left, "left", "quick"), peer(t.right, "right", "slow"));
    manifests.write("bfd.yaml", bfdProfile(), bfdProfile({ transmitInterval: 250, receiveInterval: 300 }, "slow"));
    const vipcast = startSpeaker(t.speaker, manifests);
    for (const [uplink, transmit, receive] of [
      [t.left, INTERVAL, INTERVAL],
      [t.right, 250, 300],
    ] as const) {
      await routeAt(uplink, ROUTE, [vipcast]);
      await waitFor(
        `bfdd of ${uplink.router.name} to see our intervals`,
        () => bfdPeer(uplink.router, uplink.speakerAddress),
        (p) => p?.status === "up" && p.remoteTransmitMs === transmit && p.remoteReceiveMs === receive,
        { logs: [uplink.router, vipcast] },
      );
    }
    t.left.router.signal("SIGKILL", "bfdd");
    await logLine(vipcast, "left is down", (l) => l.event === "sessionDown" && l.peer === "left");
    await holds(3 * DETECTION_MS, async () =>
      expect(await t.right.router.peer(t.right.speakerAddress)).toMatchObject({ established: 1, dropped: 0 }),
    );
    expect(await bfdPeer(t.right.router, t.right.speakerAddress)).toMatchObject({ ups: 1, downs: 0 });
  });

  test("C-246 C-251 an unnumbered session is watched on its link-local addresses", async () => {
    const lab = createLab("unnumberedBfd");
    track({ lab });
    const speaker = lab.host("speaker");
    const host = lab.host("router");
    lab.link(speaker, host);
    const neighbor = ["interface remote-as external", "timers connect 1", "bfd profile quick"];
    const router = await startFrr(host, {
      bgpd: [
        "router bgp 65002",
        " bgp router-id 192.0.2.2",
        " no bgp ebgp-requires-policy",
        " bgp log-neighbor-changes",
        ...neighbor.map((line) => ` neighbor to-speaker ${line}`),
        "exit",
      ].join("\n"),
      bfdd: ["bfd", ...QUICK, ""].join("\n"),
      zebra: "interface to-speaker\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval 5\nexit",
    });
    const manifests = announcingWeb(speaker);
    const { spec, ...peer } = bgpPeer({ routerAsn: 0, routerAddress: "" }, { holdTime: HOLD_TIME });
    const { peerASN: _asn, peerAddress: _address, ...rest } = spec as JsonObject;
    const own = { ...rest, dynamicASN: "external", interface: "to-router", routerID: "192.0.2.1", bfdProfile: "quick" };
    manifests.write("peer.yaml", { ...peer, spec: own });
    manifests.write("bfd.yaml", bfdProfile());
    const vipcast = startSpeaker(speaker, manifests);
    await logLine(vipcast, "the session is up", (l) => l.event === "sessionUp");
    await logLine(vipcast, "BFD is up", (l) => l.event === "bfdUp");
    const since = performance.now();
    router.signal("SIGKILL", "bfdd");
    const down = await logLine(vipcast, "the session is down", (l) => l.event === "sessionDown");
    expect(down).toMatchObject({ code: 6, subcode: 10 });
    expect(performance.now() - since).toBeLessThan(DETECTION_MS + LATE_MS);
  });
});

// Our BFD thread against FRR's bfdd beyond what every router is tried at (bfdMatrix/): AdminDown, links that fail, echo, stalls,
// floods.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type BfdSpeaker, monotonicNow, upsert } from "../../lab/bfdSpeaker.ts";
import { bfdPeer, type FrrBfdPeer } from "../../lab/frrBfd.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { type BfdPair, bfdPair, ROUTER, SPEAKER } from "../../lab/topologies/bfdPair.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { floodFrom, startBfd } from "./bfdSupport.ts";
import { labTracker } from "./support.ts";

const problem = labProblem();
/** Beyond the detection time: what the machine, busy with other tests, may add; the bench has figures. */
const LATE_MS = 400;

/** Detection multiplier where the router, which has no priority, shares a busy machine: half a second at 50 ms. */
const PATIENT = 10;

/** Lines of one peer of bfdd. */
const frrPeer = (peer: string, options: string, ...lines: readonly string[]): readonly string[] => [
  ` peer ${peer} ${options}`,
  ...lines.map((line) => `  ${line}`),
  "  no shutdown",
  " exit",
];
const timers = (transmit: number, receive: number, multiplier: number): readonly string[] => [
  `transmit-interval ${transmit}`,
  `receive-interval ${receive}`,
  `detect-multiplier ${multiplier}`,
];
const V4 = `local-address ${ROUTER.v4} interface to-segment`;
const V6 = `local-address ${ROUTER.v6} interface to-segment`;

describe.skipIf(problem !== null)(titleOrSkip("BFD with FRR's bfdd", problem), () => {
  const track = labTracker();

  const frrSees = (pair: BfdPair, what: string, is: (p: FrrBfdPeer) => boolean, peer: string = SPEAKER.v4) =>
    waitFor(
      `bfdd sees ${what}`,
      () => bfdPeer(pair.router, peer),
      (p) => p !== null && is(p),
      { logs: [pair.router] },
    );

  /** Both sides Up and past the slow start. */
  async function settled(pair: BfdPair, bfd: BfdSpeaker, peer: string, us: string, detectionTime: number) {
    const session = await bfd.until("Up", peer, (s) => s.state === "Up" && s.detectionTime === detectionTime);
    await frrSees(pair, "up", (p) => p.status === "up", us);
    return session;
  }

  test("C-220 a session that is taken away, and a thread that is stopped, say AdminDown", async () => {
    const pair = track(await bfdPair(frrPeer(SPEAKER.v4, V4, ...timers(50, 50, 3))));
    const command = upsert({ peer: ROUTER.v4, profile: { transmitInterval: 50, receiveInterval: 50 } });
    const bfd = await startBfd(pair.speaker);
    bfd.command(command);
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, 150_000);
    bfd.command({ type: "remove", user: command.user, address: command.address });
    const isToldAdminDown = (p: FrrBfdPeer) => p.status === "down" && /administratively/.test(p.remoteDiagnostic);
    await frrSees(pair, "AdminDown", isToldAdminDown);
    bfd.command(command);
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, 150_000);
    expect(await bfd.stop()).toBe(0);
    await frrSees(pair, "AdminDown", isToldAdminDown);
  });

  test("C-247 the router's shutdown is AdminDown, not a broken path", async () => {
    const pair = track(await bfdPair(frrPeer(SPEAKER.v4, V4, ...timers(50, 50, 3))));
    const bfd = await startBfd(pair.speaker);
    bfd.command(upsert({ peer: ROUTER.v4, profile: { transmitInterval: 50, receiveInterval: 50 } }));
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, 150_000);
    const since = bfd.events.length;
    await pair.router.configure(["bfd", `peer ${SPEAKER.v4} ${V4}`, "shutdown"]);
    expect(await bfd.down(since)).toMatchObject({ reason: "peerAdminDown", remoteState: "AdminDown" });
  });

  test.each([
    ["bound to its interface", true],
    ["bound to none", false],
  ])("a link that fails at our end is Down at once, long before the detection time, %s", async (_how, isBound) => {
    const pair = track(await bfdPair(frrPeer(SPEAKER.v4, V4, ...timers(1_000, 1_000, 3))));
    const bfd = await startBfd(pair.speaker);
    const profile = { transmitInterval: 1_000, receiveInterval: 1_000 };
    bfd.command(upsert({ peer: ROUTER.v4, interface: isBound ? pair.interface : null, profile }));
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, 3_000_000);
    const since = bfd.events.length;
    const failedAt = monotonicNow();
    pair.lab.host("segment").setLink("to-speaker", "down");
    const down = await bfd.down(since);
    expect(down).toMatchObject({ reason: "pathDown", localDiag: 5 });
    expect((down.at - failedAt) / 1_000).toBeLessThan(1_500); // of 3 s
    pair.lab.host("segment").setLink("to-speaker", "up");
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, 3_000_000);
  });

  test.each([
    ["IPv4, by routers' forwarding", ROUTER.v4, SPEAKER.v4, V4, true],
    ["IPv4, and our host is no router", ROUTER.v4, SPEAKER.v4, V4, false],
    ["IPv6", ROUTER.v6, SPEAKER.v6, V6, false],
  ])(
    "C-239 echo both ways over %s: packets come back, and their loss is Down",
    async (_how, peer, us, where, isRouter) => {
      const echo = ["echo-mode", "echo transmit-interval 50", "echo receive-interval 50"];
      const pair = track(await bfdPair(frrPeer(us, where, ...timers(300, 300, 3), ...echo)));
      pair.router.host.enableForwarding();
      if (isRouter) pair.speaker.enableForwarding();
      const bfd = await startBfd(pair.speaker);
      bfd.command(upsert({ peer, profile: { echoMode: true, echoInterval: 50 } }));
      await settled(pair, bfd, peer, us, 900_000);
      await bfd.until("echo packets back", peer, (s) => s.counters.echoIn > 20);
      await frrSees(pair, "its echo packets back", (p) => p.echoIn > 20, us);
      expect((await bfd.session(peer))?.counters).toMatchObject({ upEvents: 1, downEvents: 0 });
      const since = bfd.events.length;
      const cutAt = monotonicNow();
      pair.cut();
      const down = await bfd.down(since);
      expect(down).toMatchObject({ reason: "echoFailed", localDiag: 2 });
      expect((down.at - cutAt) / 1_000).toBeLessThan(150 + LATE_MS);
    },
  );

  test("C-230 a main thread that is blocked, and one that makes garbage, cost no session", async () => {
    const pair = track(await bfdPair(frrPeer(SPEAKER.v4, V4, ...timers(50, 50, PATIENT))));
    const bfd = await startBfd(pair.speaker);
    bfd.command(
      upsert({ peer: ROUTER.v4, profile: { transmitInterval: 50, receiveInterval: 50, detectMultiplier: PATIENT } }),
    );
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, PATIENT * 50_000);
    await bfd.burden({ type: "block", milliseconds: 3_000, times: 1 });
    await bfd.burden({ type: "allocate", milliseconds: 3_000 });
    expect((await bfd.session(ROUTER.v4))?.counters).toMatchObject({ upEvents: 1, downEvents: 0 });
    expect(await bfdPeer(pair.router, SPEAKER.v4)).toMatchObject({ status: "up", downs: 0 });
  });

  test("C-231 a process that was away reads what has waited before it judges", async () => {
    const pair = track(await bfdPair(frrPeer(SPEAKER.v4, V4, ...timers(50, 50, 3))));
    const bfd = await startBfd(pair.speaker);
    // bfdd gives us 5 s, we give it 150 ms
    bfd.command(
      upsert({ peer: ROUTER.v4, profile: { transmitInterval: 1_000, receiveInterval: 50, detectMultiplier: 5 } }),
    );
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, 150_000);
    for (let round = 0; round < 5; round++) {
      bfd.signal("SIGSTOP");
      await sleep(400);
      bfd.signal("SIGCONT");
      await sleep(200);
    }
    expect((await bfd.session(ROUTER.v4))?.counters).toMatchObject({ upEvents: 1, downEvents: 0 });
  });

  test("C-204 C-266 a flood of junk, of guesses and of packets from afar is counted and dropped, and no session moves", async () => {
    const pair = track(await bfdPair(frrPeer(SPEAKER.v4, V4, ...timers(50, 50, PATIENT))));
    const stranger = pair.lab.host("stranger");
    pair.lab.attach(stranger, "segment", "192.0.2.66/24");
    const bfd = await startBfd(pair.speaker);
    bfd.command(
      upsert({ peer: ROUTER.v4, profile: { transmitInterval: 50, receiveInterval: 50, detectMultiplier: PATIENT } }),
    );
    await settled(pair, bfd, ROUTER.v4, SPEAKER.v4, PATIENT * 50_000);
    const { localDiscr = 0 } = (await bfd.session(ROUTER.v4)) ?? {};
    const { sent } = await floodFrom(stranger, SPEAKER.v4, localDiscr);
    expect(sent).toBeGreaterThan(20_000); // much more where the machine has nothing else to do
    const { status } = await bfd.answer();
    expect(status?.sessions).toMatchObject([{ state: "Up", counters: { upEvents: 1, downEvents: 0 } }]);
    expect(await bfdPeer(pair.router, SPEAKER.v4)).toMatchObject({ status: "up", downs: 0 });
    for (const cause of ["tooShort", "version", "unknownPeer", "unknownDiscr"] as const) {
      expect(status?.drops[cause], cause).toBeGreaterThan(1_000);
    }
    expect(status?.drops.ttl).toBe(0); // the kernel kept those out
    const keptOut = async (): Promise<number> => (await bfd.answer()).kernelDrops;
    await waitFor("the kernel's count", keptOut, (n) => n > 1_000, { logs: [bfd] });
  });
});

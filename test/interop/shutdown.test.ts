// How the speaker leaves, and what SIGHUP does. A router must be rid of the routes at once, told why, and never wait for
// its hold time.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { JsonObject } from "../../lab/routes.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import { twoRouters } from "../../lab/topologies/twoRouters.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  announcingWeb,
  bgpPeer,
  established,
  goneAt,
  labTracker,
  Manifests,
  peersOf,
  peerThat,
  pool,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
  type Uplink,
  VIP,
  yamlOf,
} from "./support.ts";

const problem = labProblem();
/** The default hold time: whatever happens sooner is not its doing. */
const HOLD_TIME = "180s";
/** 2 s are promised; the rest is what a busy machine may add. */
const LEAVE_MS = 4_000;
/** For a router to act on what it has been told, long before the hold time. */
const ACT_MS = 5_000;

describe.skipIf(problem !== null)(titleOrSkip("the end of the speaker, seen by FRR", problem), () => {
  const track = labTracker();

  async function twoUplinks() {
    const t = track(await twoRouters());
    const manifests = announcingWeb(t.speaker);
    const peer = (uplink: Uplink, name: string) => bgpPeer(uplink, { name, holdTime: HOLD_TIME });
    manifests.write("peers.yaml", peer(t.left, "left"), peer(t.right, "right"));
    const vipcast = startSpeaker(t.speaker, manifests);
    await Promise.all([routeAt(t.left, ROUTE, [vipcast]), routeAt(t.right, ROUTE, [vipcast])]);
    return { ...t, manifests, vipcast };
  }

  /** The router has no route and knows why, now: the speaker has already gone. */
  async function saysGoodbye(uplink: Uplink): Promise<void> {
    await goneAt(uplink, ROUTE, [], ACT_MS);
    const peer = await peerThat(uplink, "is down", (p) => p.upMs === null, { timeoutMs: ACT_MS });
    expect(peer.lastNotification).toMatchObject({ from: "neighbour", code: 6, subcode: 2 });
    expect(peer.lastNotification?.text).toMatch(/\w{4,}/);
  }

  test("C-081 C-083 C-164 SIGTERM: both routers lose the routes at once and are told so; exit code 0 within 2 s", async () => {
    const s = await twoUplinks();
    const end = await s.vipcast.stop("SIGTERM");
    expect(end).toMatchObject({ code: 0, forced: false });
    expect(end.ms).toBeLessThan(LEAVE_MS);
    await Promise.all([saysGoodbye(s.left), saysGoodbye(s.right)]);
    // withdrawn by UPDATE before the farewell, so that a router that retains routes after a Cease drops them too
    const { messages } = await s.left.router.peer(s.left.speakerAddress);
    expect(messages.updatesRecv).toBe(3);
  });

  test("SIGTERM while one router hangs: the other loses the routes at once, exit code 0 within 2 s all the same", async () => {
    const s = await twoUplinks();
    s.right.router.signal("SIGSTOP");
    const stopping = s.vipcast.stop("SIGTERM");
    await goneAt(s.left, ROUTE, [s.vipcast], ACT_MS);
    const end = await stopping;
    expect(end).toMatchObject({ code: 0, forced: false });
    expect(end.ms).toBeLessThan(LEAVE_MS);
    await saysGoodbye(s.left);
    s.right.router.signal("SIGCONT");
    await goneAt(s.right, ROUTE, [], ACT_MS);
  });

  test("C-166 SIGTERM while thousands of routes are stuck before a router that reads nothing: the same, and exit code 3", async () => {
    const t = track(await twoRouters());
    t.speaker.sysctl("net.ipv4.tcp_wmem", "4096 4096 4096"); // so that it takes less to be stuck
    const manifests = new Manifests(t.speaker);
    const peer = (uplink: Uplink, name: string) => bgpPeer(uplink, { name, holdTime: HOLD_TIME });
    manifests.write("peers.yaml", peer(t.left, "left"), peer(t.right, "right"));
    manifests.write("pool.yaml", pool(["203.0.112.0/20"]), advertisement());
    const vipcast = startSpeaker(t.speaker, manifests);
    await Promise.all([established(t.left, [vipcast]), established(t.right, [vipcast])]);
    t.right.router.signal("SIGSTOP");
    const many = Array.from({ length: 4_000 }, (_, n) => service(`s${n}`, `203.0.${112 + (n >> 8)}.${n & 0xff}`));
    manifests.write("many.yaml", ...many.flat());
    const all = { logs: [vipcast], timeoutMs: 20_000, everyMs: 50 };
    await peerThat(t.left, "brought all routes", (p) => p.accepted === many.length, all);
    // every change fills the buffers further, until one cannot even be written
    let change = 0;
    const changeAll = async () => {
      change++;
      manifests.write("pool.yaml", pool(["203.0.112.0/20"]), advertisement({ communities: [`65001:${change}`] }));
      await routeAt(t.left, "203.0.127.159/32", [vipcast], (r) => r.communities.join() === `65001:${change}`);
      return (await peersOf(vipcast)).get("right");
    };
    const isStuck = (right?: JsonObject) => right?.state === "Established" && right.pending === many.length;
    await waitFor("a stuck connection", changeAll, isStuck, { logs: [vipcast], timeoutMs: 20_000 });
    const end = await vipcast.stop("SIGTERM");
    expect(end).toMatchObject({ code: 3, forced: false }); // what was withdrawn is not proven everywhere
    expect(end.ms).toBeLessThan(LEAVE_MS);
    await peerThat(t.left, "is rid of all routes", (p) => p.accepted === 0, { timeoutMs: ACT_MS });
    t.right.router.signal("SIGCONT");
    await peerThat(t.right, "is rid of all routes", (p) => p.upMs === null && p.accepted === 0);
  });

  test("a second SIGTERM ends it at once, whatever the first one still waits for", async () => {
    const s = await twoUplinks();
    s.right.router.signal("SIGSTOP");
    s.vipcast.process.signal("SIGTERM");
    await goneAt(s.left, ROUTE, [s.vipcast], 1_000); // the first one is at work
    expect(s.vipcast.process.running).toBe(true);
    const end = await s.vipcast.stop("SIGTERM");
    expect(end.forced).toBe(false);
    expect(end.ms).toBeLessThan(300);
  });

  test("SIGINT is understood like SIGTERM", async () => {
    const s = await twoUplinks();
    const end = await s.vipcast.stop("SIGINT");
    expect(end).toMatchObject({ code: 0, forced: false });
    await saysGoodbye(s.left);
  });

  test("kill -9: the closed connection alone makes FRR drop the routes", async () => {
    const s = await twoUplinks();
    await s.vipcast.stop("SIGKILL");
    await Promise.all([goneAt(s.left, ROUTE, [], ACT_MS), goneAt(s.right, ROUTE, [], ACT_MS)]);
  });

  test("SIGHUP reads again what no watch could see, and resets nothing", async () => {
    const t = track(await oneRouter());
    const manifests = new Manifests(t.speaker);
    manifests.write("peer.yaml", bgpPeer(t, { holdTime: HOLD_TIME }));
    manifests.write("pool.yaml", pool(), advertisement());
    const elsewhere = join(t.speaker.dir, "elsewhere");
    mkdirSync(elsewhere);
    const target = join(elsewhere, "web.yaml");
    writeFileSync(target, yamlOf(...service("web", VIP)));
    symlinkSync(target, manifests.path("web.yaml"));
    const vipcast = startSpeaker(t.speaker, manifests);
    await routeAt(t, ROUTE, [vipcast]);

    writeFileSync(target, yamlOf(...service("web", "198.51.100.11")));
    vipcast.reload();
    await routeAt(t, "198.51.100.11/32", [vipcast]);
    await goneAt(t, ROUTE, [vipcast]);
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
  });
});

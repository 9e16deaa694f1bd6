import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { FrrPeer } from "../../lab/frr.ts";
import type { Host } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { JsonObject } from "../../lab/routes.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import { type TwoRoutersOptions, twoRouters } from "../../lab/topologies/twoRouters.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  announcingWeb,
  bgpPeer,
  goneAt,
  labTracker,
  logLine,
  type PeerOptions,
  peersOf,
  peerThat,
  pool,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
  type Uplink,
} from "./support.ts";

const problem = labProblem();
const SECOND = "198.51.100.11/32";
/** From the moment a router is there again until it has the routes (C-098). */
const REJOIN_MS = 10_000;

describe.skipIf(problem !== null)(titleOrSkip("sessions with FRR", problem), () => {
  const track = labTracker();

  /** One service, two routers, both Established and with the route. */
  async function twoUplinks(options: TwoRoutersOptions = {}) {
    const t = track(await twoRouters(options));
    const manifests = announcingWeb(t.speaker);
    const editLeft = (peer: PeerOptions) => manifests.write("left.yaml", bgpPeer(t.left, { name: "left", ...peer }));
    const editRight = (peer: PeerOptions) =>
      manifests.write("right.yaml", bgpPeer(t.right, { name: "right", ...peer }));
    editLeft({});
    editRight({});
    const vipcast = startSpeaker(t.speaker, manifests);
    await Promise.all([routeAt(t.left, ROUTE, [vipcast]), routeAt(t.right, ROUTE, [vipcast])]);
    return { ...t, manifests, vipcast, editLeft, editRight };
  }

  /** Remembers what a router saw so far. @returns a check that its session and its routes were not touched since */
  async function untouched(uplink: Uplink): Promise<() => Promise<void>> {
    const seen = (p: FrrPeer) => ({ established: p.established, dropped: p.dropped, updates: p.messages.updatesRecv });
    const before = await uplink.router.peer(uplink.speakerAddress);
    return async () => {
      const after = await uplink.router.peer(uplink.speakerAddress);
      expect(seen(after)).toEqual(seen(before));
      expect(after.upMs ?? 0).toBeGreaterThanOrEqual(before.upMs ?? 0);
      expect(await uplink.router.route(ROUTE)).toHaveLength(1);
    };
  }

  const sees = async (uplink: Uplink, expected: Partial<FrrPeer>): Promise<void> =>
    expect(await uplink.router.peer(uplink.speakerAddress)).toMatchObject(expected);

  test("C-082 C-089 an edited hold time makes that session anew and leaves the other alone", async () => {
    const s = await twoUplinks({ rightSession: "ibgp" });
    const rightIsUntouched = await untouched(s.right);
    s.editLeft({ holdTime: "12s" });
    const peer = await peerThat(s.left, "is up for the second time", (p) => p.upMs !== null && p.established === 2, {
      logs: [s.vipcast],
    });
    expect(peer.holdTimeMs).toBe(12_000);
    expect(s.left.router.logTail(100)).toContain(`received from neighbor ${s.left.speakerAddress} 6/6`);
    await routeAt(s.left, ROUTE, [s.vipcast]);
    await rightIsUntouched();
  });

  test("an edited advertisement changes the routes and touches no session", async () => {
    const s = await twoUplinks({ rightSession: "ibgp" });
    s.manifests.write("pool.yaml", pool(), advertisement({ communities: ["65001:7"] }));
    for (const uplink of [s.left, s.right]) {
      await routeAt(uplink, ROUTE, [s.vipcast], (r) => r.communities.join() === "65001:7");
      expect(await uplink.router.peer(uplink.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
    }
  });

  test("C-082 a removed peer hears Cease/Peer De-configured; added again and renamed live, all without the other noticing", async () => {
    const s = await twoUplinks();
    const rightIsUntouched = await untouched(s.right);
    s.manifests.remove("left.yaml");
    const gone = await peerThat(s.left, "is down", (p) => p.upMs === null, { logs: [s.vipcast] });
    expect(gone.lastNotification).toMatchObject({ from: "neighbour", code: 6, subcode: 3 });
    await goneAt(s.left, ROUTE);

    s.editLeft({});
    await routeAt(s.left, ROUTE, [s.vipcast]);
    const leftIsUntouched = await untouched(s.left);
    s.editLeft({ name: "renamed" });
    await logLine(s.vipcast, "the peer has its new name", (l) => l.peer === "renamed" && l.event === "peerChanged");
    await leftIsUntouched();
    await rightIsUntouched();
    // and it is the renamed peer that gets what follows
    const forIt = advertisement({ peers: ["renamed"], communities: ["65001:8"] });
    s.manifests.write("pool.yaml", pool(), forIt);
    await routeAt(s.left, ROUTE, [s.vipcast], (r) => r.communities.join() === "65001:8");
    await goneAt(s.right, ROUTE, [s.vipcast]);
    await sees(s.left, { established: 2 });
  });

  test("with the same password on both sides the session is up; with another it is down, says why, and nothing goes unsigned", async () => {
    const t = track(await oneRouter({ passive: true, neighborLines: ["password right-one"] }));
    const manifests = announcingWeb(t.speaker);
    const edit = (password?: string) => {
      const secret = password === undefined ? {} : { password };
      manifests.write("peer.yaml", bgpPeer(t, { holdTime: "3s", spec: secret }));
    };
    edit("right-one");
    const vipcast = startSpeaker(t.speaker, manifests);
    await routeAt(t, ROUTE, [vipcast]);
    expect(md5Counters(t.router.host)).toMatchObject({ TCPMD5NotFound: 0, TCPMD5Failure: 0 });

    edit("wrong-one");
    await peerThat(t, "is down", (p) => p.upMs === null, { logs: [vipcast] });
    const line = await logLine(
      vipcast,
      "why there is no session",
      (l) => l.event === "connectFailed" && /password|keys/.test(String(l.msg)),
      { timeoutMs: 20_000 },
    );
    expect(line).toMatchObject({ level: "warn", peer: "tor" });
    expect(md5Counters(t.router.host).TCPMD5Failure).toBeGreaterThan(0);
    expect(md5Counters(t.router.host).TCPMD5NotFound).toBe(0); // no segment came without a signature
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1 });

    edit("right-one");
    await routeAt(t, ROUTE, [vipcast]);
    expect(vipcast.logTail(10_000)).not.toMatch(/right-one|wrong-one/);
  });

  test.each([
    ["is stopped and started", (u: Uplink) => u.router.stop(), 0],
    ["is killed and started", (u: Uplink) => u.router.kill(), 0],
    ["was away for a while", (u: Uplink) => u.router.kill(), 4],
  ])("C-098 a router that %s has everything again, and the other notices nothing", async (_how, end, attempts) => {
    const s = await twoUplinks();
    const rightIsUntouched = await untouched(s.right);
    await end(s.left);
    await logLine(s.vipcast, "the session is down", (l) => l.event === "sessionDown" && l.peer === "left");
    const inVain = () => s.vipcast.logs().filter((l) => l.event === "connectFailed" && l.peer === "left").length;
    await waitFor("attempts in vain", inVain, (n) => n >= attempts, { logs: [s.vipcast] });
    await s.left.router.start();
    const since = performance.now();
    await routeAt(s.left, ROUTE, [s.vipcast]);
    expect(performance.now() - since).toBeLessThan(REJOIN_MS);
    await rightIsUntouched();
  });

  test("after FRR's `clear bgp *` everything is there again", async () => {
    const s = await twoUplinks();
    const rightIsUntouched = await untouched(s.right);
    await s.left.router.ask("bgpd", "clear bgp *");
    await peerThat(s.left, "is up for the second time", (p) => p.established === 2, { logs: [s.vipcast] });
    await routeAt(s.left, ROUTE, [s.vipcast]);
    await rightIsUntouched();
  });

  test("C-007 C-086 routers that are silent, unreachable or refuse do no harm to the one that is there", async () => {
    const s = await twoUplinks();
    const rightIsUntouched = await untouched(s.right);
    // an address that resolves and swallows, one that nobody has, a port on which nobody listens
    s.speaker.ip("neigh", "add", "192.0.2.130", "lladdr", "02:00:00:00:00:99", "dev", "to-left");
    s.speaker.addAddress("to-left", "192.0.2.129/26");
    s.speaker.ip("route", "add", "prohibit", "192.0.2.132/32");
    const bad = (name: string, routerAddress: string, spec: JsonObject = {}) =>
      bgpPeer({ routerAsn: 65_002, routerAddress }, { name, holdTime: "3s", spec: { connectTime: "1s", ...spec } });
    s.manifests.write(
      "bad.yaml",
      bad("silent", "192.0.2.130"),
      bad("nobody", "192.0.2.131"),
      bad("forbidden", "192.0.2.132"),
      bad("refusing", s.left.routerAddress, { peerPort: 1790 }),
    );
    for (const peer of ["silent", "nobody", "refusing"]) {
      await logLine(s.vipcast, `${peer} failed`, (l) => l.event === "connectFailed" && l.peer === peer);
    }
    const forbidden = await logLine(s.vipcast, "forbidden failed", (l) => l.peer === "forbidden" && l.level === "warn");
    expect(forbidden.msg).toContain("this host forbids it: a prohibit route, or a security policy (EACCES)");
    await rightIsUntouched();
    s.manifests.write("web2.yaml", ...service("web2", "198.51.100.11"));
    const since = performance.now();
    await Promise.all([s.left, s.right].map((uplink) => routeAt(uplink, SECOND, [s.vipcast])));
    expect(performance.now() - since).toBeLessThan(5_000);
    for (const uplink of [s.left, s.right]) await sees(uplink, { established: 1, dropped: 0 });
  });

  test("C-042 C-084 C-086 a router with the wrong AS hears 2/2, is tried ever more rarely, and the other is fine", async () => {
    const s = await twoUplinks();
    const rightIsUntouched = await untouched(s.right);
    s.editLeft({ spec: { peerASN: 65_999 } });
    // other failures do not count: FRR may be busy clearing the old session when the first attempt comes
    const isRefusal = (l: JsonObject) => l.event === "connectFailed" && l.peer === "left" && l.code !== undefined;
    const refusals = () => s.vipcast.logs().filter(isRefusal);
    const seen = await waitFor("three attempts", refusals, (l) => l.length >= 3, { logs: [s.vipcast] });
    expect(seen).toMatchObject(seen.map(() => ({ code: 2, subcode: 2 })));
    // held down, not merely waiting, and status says until when and why
    expect((await peersOf(s.vipcast)).get("left")).toMatchObject({
      state: "Idle",
      why: expect.stringMatching(/AS/),
      nextAttemptAt: expect.any(String),
    });
    const [first = 0, second = 0, third = 0] = seen.map((l) => Date.parse(String(l.ts)));
    expect(third - second).toBeGreaterThan((second - first) * 1.3);
    expect(s.left.router.logTail(100)).toContain(`received from neighbor ${s.left.speakerAddress} 2/2`);
    await rightIsUntouched();
    s.editLeft({}); // the operator mends it: the next attempt does not wait for the damping to end
    const since = performance.now();
    await routeAt(s.left, ROUTE, [s.vipcast]);
    expect(performance.now() - since).toBeLessThan(2_000);
  });

  test("C-078 a router that hangs loses its session with 4/0 when the hold time is over, and comes back", async () => {
    const s = await twoUplinks({ neighborLines: ["timers 1 3"] });
    const rightIsUntouched = await untouched(s.right);
    const stopped = Date.now();
    s.left.router.signal("SIGSTOP");
    const down = await logLine(s.vipcast, "the session is down", (l) => l.event === "sessionDown");
    expect(down).toMatchObject({ peer: "left", code: 4, subcode: 0 });
    const after = Date.parse(String(down.ts)) - stopped;
    expect(after).toBeGreaterThan(1_900); // the last keepalive may have come a keepalive time before
    expect(after).toBeLessThan(7_000); // of the 9 s that we alone would have waited
    s.left.router.signal("SIGCONT");
    await peerThat(s.left, "is up again", (p) => p.upMs !== null && p.established >= 2, { logs: [s.vipcast] });
    await routeAt(s.left, ROUTE, [s.vipcast]);
    await rightIsUntouched();
  });

  test("C-015 a link that fails costs its session alone, and the session is back soon after the link is", async () => {
    const s = await twoUplinks({ neighborLines: ["timers 1 3"] });
    s.speaker.setLink(s.left.speakerInterface, "down");
    await logLine(s.vipcast, "the session is down", (l) => l.event === "sessionDown" && l.peer === "left");
    s.manifests.write("web2.yaml", ...service("web2", "198.51.100.11"));
    await routeAt(s.right, SECOND, [s.vipcast]);
    s.manifests.remove("web2.yaml");
    await goneAt(s.right, SECOND, [s.vipcast]);
    s.speaker.setLink(s.left.speakerInterface, "up");
    const since = performance.now();
    await peerThat(s.left, "is up again", (p) => p.upMs !== null && p.established >= 2, { logs: [s.vipcast] });
    await routeAt(s.left, ROUTE, [s.vipcast]);
    expect(performance.now() - since).toBeLessThan(REJOIN_MS);
    await sees(s.right, { established: 1, dropped: 0 });
  });

  test("C-093 a speaker that was stopped for less than the hold time keeps its session", async () => {
    const t = track(await oneRouter());
    const manifests = announcingWeb(t.speaker);
    manifests.write("peer.yaml", bgpPeer(t, { holdTime: "15s", spec: { keepaliveTime: "1s" } }));
    const vipcast = startSpeaker(t.speaker, manifests);
    await routeAt(t, ROUTE, [vipcast]);
    // stop it late in FRR's keepalive interval: when it wakes, the hold time since the last octets it read is over,
    // while FRR's keepalives lie unread in the socket
    const sent = async () => (await t.router.peer(t.speakerAddress)).messages.keepalivesSent ?? 0;
    const now = await sent();
    await waitFor("FRR's next keepalive", sent, (n) => n > now, { logs: [vipcast, t.router] });
    await sleep(4_200);
    vipcast.process.signal("SIGSTOP");
    await sleep(12_200);
    vipcast.process.signal("SIGCONT");
    manifests.write("web2.yaml", ...service("web2", "198.51.100.11"));
    await routeAt(t, SECOND, [vipcast]);
    await sees(t, { established: 1, dropped: 0 });
  });

  test("C-088 C-167 `vipcast peers` tells state, timers and the last NOTIFICATION of each peer, /metrics who is up", async () => {
    const s = await twoUplinks();
    await s.left.router.configure([
      "router bgp 65002",
      `neighbor ${s.left.speakerAddress} shutdown message spring clean`,
    ]);
    await logLine(s.vipcast, "FRR's Cease", (l) => l.event === "peerNotification" && l.peer === "left");
    const said = await peersOf(s.vipcast);
    expect(said.get("right")).toMatchObject({ state: "Established", peerAsn: 65_003, localAsn: 65_001, holdTime: 9 });
    expect(said.get("left")).not.toMatchObject({ state: "Established" });
    expect(JSON.stringify(said.get("left")?.lastNotificationReceived)).toMatch(/spring clean/);
    const metrics = await s.vipcast.metrics();
    const isUp = (uplink: Uplink) =>
      new RegExp(`^metallb_bgp_session_up\\{peer="${uplink.routerAddress}:179".*\\} 1$`, "m");
    expect(metrics).toMatch(isUp(s.right));
    expect(metrics).not.toMatch(isUp(s.left));
  });
});

/** The kernel's counters of TCP MD5 in a namespace, seen from the side of the receiver. */
function md5Counters(host: Host): Readonly<Record<string, number>> {
  const lines = host.execSync("cat", ["/proc/net/netstat"]).split("\n");
  const [names = [], values = []] = lines.filter((l) => l.startsWith("TcpExt:")).map((l) => l.split(" "));
  return Object.fromEntries(
    names.map((name, i) => [name, Number(values[i])] as const).filter(([name]) => name.startsWith("TCPMD5")),
  );
}

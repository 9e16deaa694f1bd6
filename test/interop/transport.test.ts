import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { captureProblem, startCapture } from "../../lab/capture.ts";
import type { Host } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { type OneRouter, type OneRouterOptions, oneRouter } from "../../lab/topologies/oneRouter.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  announcingWeb,
  bgpPeer,
  established,
  goneAt,
  labTracker,
  logLine,
  type Manifest,
  Manifests,
  type PeerOptions,
  peersOf,
  peerThat,
  pool,
  prefixesAt,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
} from "./support.ts";

const problem = labProblem();
const noCapture = captureProblem();
const ALL = ["--listen", "0.0.0.0:179,[::]:179"];
/** Rounds of C-023; 50 in a long run. */
const COLLISION_ROUNDS = Number(process.env.VIPCAST_COLLISION_ROUNDS ?? 10);
const COLLISION_MS = 10_000;

interface Terms extends PeerOptions {
  /** IPv6 session to the router. */
  readonly over6?: boolean;
}

describe.skipIf(problem !== null)(titleOrSkip("transport with FRR", problem), () => {
  const track = labTracker();

  const peer = (t: OneRouter, { over6 = false, ...terms }: Terms): Manifest =>
    bgpPeer(over6 ? { ...t, routerAddress: t.routerAddress6 } : t, { holdTime: "3s", ...terms });

  /** One router, one service, a peer on these terms. */
  async function uplink(terms: Terms, options: OneRouterOptions = {}, args: readonly string[] = ALL) {
    const t = track(await oneRouter(options));
    const manifests = announcingWeb(t.speaker);
    const edit = (change: Terms): void => manifests.write("peer.yaml", peer(t, change));
    edit(terms);
    const vipcast = startSpeaker(t.speaker, manifests, { extraArgs: args });
    return { ...t, manifests, edit, vipcast };
  }

  /** FRR's session over IPv6 with the speaker. */
  const session6 = (t: OneRouter, ...lines: readonly string[]): Promise<void> =>
    t.router.configure([
      `router bgp ${t.routerAsn}`,
      ...[`remote-as ${t.speakerAsn}`, "timers connect 1", ...lines].map((l) => `neighbor ${t.speakerAddress6} ${l}`),
      "address-family ipv6 unicast",
      `neighbor ${t.speakerAddress6} activate`,
    ]);

  /** Connects from the router's namespace. @returns what came of it: `open` (and said nothing), `data`, or why it ended */
  const knock = (host: Host, from: string, to: string, times = 1): Promise<readonly string[]> =>
    host
      .exec(process.execPath, ["-e", KNOCK, from, to, String(times)], { timeoutMs: 60_000 })
      .then((said) => said.trim().split("\n"));

  const sockets = (host: Host): readonly string[] =>
    host
      .execSync("ss", ["-Htn", "state", "established", "( sport = :179 or dport = :179 )"])
      .trim()
      .split("\n")
      .filter((line) => line !== "");

  test("C-001 only FRR dials: the session is up, by a connection to our port", async () => {
    const t = await uplink({ annotations: { opens: "peer" } });
    await routeAt(t, ROUTE, [t.vipcast]);
    expect(sockets(t.speaker)).toEqual([expect.stringMatching(/192\.0\.2\.1:179 +192\.0\.2\.2:/)]);
    expect(await t.vipcast.metric('vipcast_bgp_inbound_connections_total{outcome="accepted"}')).toBe(1);
  });

  test("C-001 only we dial: the session is up, by a connection to FRR's port", async () => {
    const t = await uplink({}, { passive: true }, []);
    await routeAt(t, ROUTE, [t.vipcast]);
    expect(sockets(t.speaker)).toEqual([expect.stringMatching(/192\.0\.2\.1:\d+ +192\.0\.2\.2:179/)]);
  });

  test.skipIf(noCapture !== null)(
    titleOrSkip("C-001 C-002 nobody dials: no SYN of ours, no session, and status says what it waits for", noCapture),
    async () => {
      const t = await uplink({ annotations: { opens: "peer" } }, { passive: true });
      const capture = await startCapture(t.speaker, "to-router", "tcp port 179 and tcp[tcpflags] & tcp-syn != 0", [
        "ip.src",
        "tcp.flags",
      ]);
      await t.vipcast.ready();
      await sleep(5_000); // nothing to wait for: it is the silence that is looked at
      expect(capture.rows()).toEqual([]);
      expect((await peersOf(t.vipcast)).get("tor")).toMatchObject({
        state: "Active",
        why: expect.stringMatching(/waiting for the peer/),
      });
    },
  );

  test("a peer that only dials is told to the operator where the daemon does not listen", async () => {
    const t = await uplink({ annotations: { opens: "peer" } }, {}, []);
    const line = await logLine(
      t.vipcast,
      "why there is no session",
      (l) => l.event === "configProblem" && l.name === "tor",
    );
    expect(line).toMatchObject({ level: "error", msg: expect.stringContaining("does not listen for IPv4") });
    expect((await peersOf(t.vipcast)).get("tor")).toMatchObject({
      problem: expect.stringContaining("does not listen"),
    });
  });

  test(`C-001 C-023 both dial and are restarted together, ${COLLISION_ROUNDS} times: one session each time, within 10 s`, {
    timeout: 60_000 + COLLISION_ROUNDS * 2 * COLLISION_MS,
  }, async () => {
    const t = await uplink({ annotations: { opens: "both" } });
    let { vipcast } = t;
    for (let round = 0; round < COLLISION_ROUNDS; round++) {
      await Promise.all([t.router.kill(), vipcast.stop("SIGKILL")]);
      vipcast = startSpeaker(t.speaker, t.manifests, { extraArgs: ALL });
      await t.router.start();
      await established(t, [vipcast], COLLISION_MS);
      await routeAt(t, ROUTE, [vipcast]);
      await waitFor(
        "one connection",
        () => sockets(t.speaker),
        (all) => all.length === 1,
        { logs: [vipcast] },
      );
      expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
    }
  });

  describe.each([
    ["IPv4", false],
    ["IPv6", true],
  ] as const)("C-256 TCP MD5 over %s", (_family, over6) => {
    const at = (t: OneRouter) => (over6 ? { ...t, speakerAddress: t.speakerAddress6 } : t);
    const route = over6 ? "2001:db8:100::10/128" : ROUTE;

    test.each([
      ["FRR dials", "peer", false],
      ["we dial", "us", true],
    ] as const)(
      "%s: the same key is a session, a changed one none until it is changed on both sides",
      async (_who, opens, passive) => {
        const line = passive ? ["passive"] : [];
        const t = await uplink(
          { over6, annotations: { opens }, spec: { password: "old-key-7" } },
          over6 ? {} : { neighborLines: [...line, "password old-key-7"] },
        );
        t.manifests.write("pool.yaml", pool(["198.51.100.0/24", "2001:db8:100::/64"]), advertisement());
        if (over6) {
          t.manifests.write("web.yaml", ...service("web", "2001:db8:100::10"));
          await session6(t, ...line, "password old-key-7");
        }
        await routeAt(at(t), route, [t.vipcast]);
        expect(sockets(t.speaker)).toHaveLength(1);

        t.edit({ over6, annotations: { opens }, spec: { password: "new-key-8" } });
        await peerThat(at(t), "is down", (p) => p.upMs === null, { logs: [t.vipcast] });
        await goneAt(at(t), route, [t.vipcast]);
        await sleep(2_500); // FRR or we dial every second
        expect(await t.router.peer(at(t).speakerAddress)).toMatchObject({ established: 1, upMs: null });
        if (opens === "us") {
          const why = (): Promise<unknown> => peersOf(t.vipcast).then((all) => all.get("tor")?.why);
          await waitFor("status to say why", why, (text) => /no answer.*keys may differ/.test(String(text)), {
            logs: [t.vipcast],
          });
        } else {
          expect(await t.vipcast.metric("vipcast_tcp_md5_failure_total")).toBeGreaterThan(0);
        }
        await t.router.configure([`router bgp ${t.routerAsn}`, `neighbor ${at(t).speakerAddress} password new-key-8`]);
        await routeAt(at(t), route, [t.vipcast]);
        expect(await t.vipcast.metric("vipcast_tcp_md5_not_found_total")).toBe(0); // nobody ever spoke unsigned
        expect(t.vipcast.logTail(10_000)).not.toMatch(/old-key-7|new-key-8/);
      },
    );
  });

  test("C-256 a Secret that is rotated makes the session anew with the new key, and with it alone", async () => {
    const t = await uplink(
      { annotations: { opens: "peer" }, spec: { passwordSecret: { name: "key" } } },
      { neighborLines: ["password old-key-7"] },
    );
    const secret = (password: string): void =>
      t.manifests.write("secret.yaml", {
        apiVersion: "v1",
        kind: "Secret",
        type: "kubernetes.io/basic-auth",
        metadata: { name: "key", namespace: "metallb-system" },
        stringData: { password },
      });
    secret("old-key-7");
    await routeAt(t, ROUTE, [t.vipcast]);
    secret("new-key-8");
    await peerThat(t, "is down", (p) => p.upMs === null, { logs: [t.vipcast] });
    await t.router.configure([`router bgp ${t.routerAsn}`, `neighbor ${t.speakerAddress} password new-key-8`]);
    await routeAt(t, ROUTE, [t.vipcast]);
    // unsigned from the same address: dropped by the kernel, before and after
    expect(await knock(t.router.host, t.routerAddress, t.speakerAddress)).toEqual(["timeout"]);
  });

  test("C-258 GTSM: FRR's `ttl-security hops 1` is a session either way, and a SYN from one hop further is not answered", async () => {
    const gtsm = { neighborLines: ["ttl-security hops 1"] };
    const dialled = await uplink({ annotations: { "gtsm-hops": "1" } }, { ...gtsm, passive: true });
    await routeAt(dialled, ROUTE, [dialled.vipcast]);
    const t = await uplink({ annotations: { opens: "peer", "gtsm-hops": "1" } }, gtsm);
    await routeAt(t, ROUTE, [t.vipcast]);
    const withTtl = (ttl: number): void => {
      t.router.host.ip(
        "route",
        "replace",
        "192.0.2.0/30",
        "dev",
        "to-speaker",
        "src",
        t.routerAddress,
        "hoplimit",
        String(ttl),
      );
    };
    withTtl(254);
    expect(await knock(t.router.host, t.routerAddress, t.speakerAddress)).toEqual(["timeout"]);
    withTtl(255);
    expect(await knock(t.router.host, t.routerAddress, t.speakerAddress)).not.toEqual(["timeout"]);
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
  });

  test.skipIf(noCapture !== null).each([
    ["external, we dial", { passive: true }, {}, {}, 1],
    ["external, FRR dials", {}, { opens: "peer" }, {}, 1],
    [
      "external over several hops",
      { passive: true, neighborLines: ["ebgp-multihop"] },
      {},
      { ebgpMultiHop: true },
      255,
    ],
    ["internal, we dial", { session: "ibgp", passive: true }, {}, {}, 64],
    ["internal, FRR dials", { session: "ibgp" }, { opens: "peer" }, {}, 64],
    ["GTSM, FRR dials", { neighborLines: ["ttl-security hops 1"] }, { opens: "peer", "gtsm-hops": "1" }, {}, 255],
  ] as const)(
    titleOrSkip("C-009 C-011 %s: our segments have the TTL of their kind, and DSCP CS6", noCapture),
    async (_what, options, annotations, spec, ttl) => {
      const t = track(await oneRouter(options));
      const filter = `tcp port 179 and src host ${t.speakerAddress}`;
      const capture = await startCapture(t.speaker, "to-router", filter, ["ip.ttl", "ip.dsfield.dscp", "tcp.len"]);
      const manifests = announcingWeb(t.speaker);
      manifests.write("peer.yaml", peer(t, { annotations, spec }));
      const vipcast = startSpeaker(t.speaker, manifests, { extraArgs: ALL });
      await routeAt(t, ROUTE, [vipcast]);
      // what the kernel sends of itself (answers to SYNs, acknowledgements before we have taken the connection) is not ours
      const ours = await waitFor(
        "segments",
        () => capture.rows().filter((row) => Number(row["tcp.len"]) > 0),
        (all) => all.length > 2,
        { logs: [vipcast] },
      );
      for (const row of ours) expect(row).toMatchObject({ "ip.ttl": String(ttl), "ip.dsfield.dscp": "48" });
    },
  );

  test("C-013 full UPDATEs pass a link with an MTU of 1280", async () => {
    const t = track(await oneRouter({ passive: true }));
    t.speaker.ip("link", "set", "to-router", "mtu", "1280");
    t.router.host.ip("link", "set", "to-speaker", "mtu", "1280");
    const manifests = new Manifests(t.speaker);
    manifests.write("peer.yaml", peer(t, {}));
    manifests.write("pool.yaml", pool(["10.64.0.0/16"]), advertisement());
    const count = 2_000;
    const vips = Array.from({ length: count }, (_, i) => service(`s${i}`, `10.64.${i >> 8}.${i & 255}`)).flat();
    manifests.write("services.yaml", ...vips);
    const vipcast = startSpeaker(t.speaker, manifests);
    await waitFor(
      "all prefixes",
      () => prefixesAt(t),
      (all) => all.length === count,
      { logs: [vipcast], timeoutMs: 20_000 },
    );
    const before = await t.router.peer(t.speakerAddress);
    await t.router.ask("bgpd", "clear bgp *"); // now everything is pending at once
    await peerThat(t, "is up again", (p) => p.established === 2, { logs: [vipcast] });
    const after = await waitFor(
      "all prefixes again",
      () => t.router.peer(t.speakerAddress),
      (p) => p.accepted === count,
      { logs: [vipcast], timeoutMs: 20_000 },
    );
    const updates = (after.messages.updatesRecv ?? 0) - (before.messages.updatesRecv ?? 0);
    expect(updates).toBeLessThanOrEqual(4); // three of 4096 octets hold 2,000 prefixes, and End-of-RIB
    expect(after.dropped).toBe(1);
  });

  test("C-003 the source address is used, and at no other address is the peer let in", async () => {
    const t = track(await oneRouter());
    const [ours, other, theirs] = ["10.9.9.3", "10.9.9.1", "10.9.9.2"] as const;
    t.speaker.addAddress("to-router", `${other}/24`);
    t.speaker.addAddress("to-router", `${ours}/24`);
    t.router.host.addAddress("to-speaker", `${theirs}/24`);
    const neighbor = (...lines: readonly string[]) => [
      `router bgp ${t.routerAsn}`,
      ...lines.map((l) => `neighbor ${ours} ${l}`),
    ];
    await t.router.configure(neighbor(`remote-as ${t.speakerAsn}`, "passive"));
    const manifests = announcingWeb(t.speaker);
    const terms = { spec: { sourceAddress: ours }, annotations: { opens: "both" } };
    manifests.write("peer.yaml", bgpPeer({ ...t, routerAddress: theirs }, terms));
    const vipcast = startSpeaker(t.speaker, manifests, { extraArgs: ALL });
    const route = await routeAt({ ...t, speakerAddress: ours }, ROUTE, [vipcast]);
    expect(route.nextHop).toBe(ours);
    expect(sockets(t.speaker)).toEqual([expect.stringMatching(/10\.9\.9\.3:\d+ +10\.9\.9\.2:179/)]);
    // the other end of a second connection: an OPEN at the right address, nothing at the wrong one
    await t.router.configure([`router bgp ${t.routerAsn}`, `no neighbor ${ours}`]);
    await goneAt(t, ROUTE, [vipcast]);
    expect(await knock(t.router.host, theirs, other)).toEqual(["ECONNRESET"]);
    expect(await knock(t.router.host, theirs, ours)).toEqual(["data"]);
  });

  test("a VRF device binds the socket: the wrong one gives no session, the right one does, none at all says so", async () => {
    const t = await uplink({ spec: { vrf: "to-nowhere" } }, { passive: true }, []);
    const why = (): Promise<unknown> => peersOf(t.vipcast).then((all) => all.get("tor")?.why);
    await waitFor("the reason", why, (text) => /device to-nowhere: ENODEV/.test(String(text)), { logs: [t.vipcast] });
    t.edit({ spec: { vrf: "lo" } });
    await waitFor("another reason", why, (text) => text !== null && !/ENODEV/.test(String(text)), {
      logs: [t.vipcast],
      timeoutMs: 15_000,
    });
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 0 });
    t.edit({ spec: { vrf: "to-router" } });
    await routeAt(t, ROUTE, [t.vipcast]);
    expect(sockets(t.speaker)).toEqual([expect.stringContaining("192.0.2.1%to-router:")]);
  });

  test("C-015 a link or an address that goes ends a session that FRR dialled within the hold time, and it comes back", async () => {
    const t = await uplink({ annotations: { opens: "peer" } }, { neighborLines: ["timers 1 3"] });
    await routeAt(t, ROUTE, [t.vipcast]);
    const downs = (): number => t.vipcast.logs().filter((l) => l.event === "sessionDown").length;
    const loses: readonly (readonly [lose: () => void, restore: () => void])[] = [
      [() => t.speaker.setLink("to-router", "down"), () => t.speaker.setLink("to-router", "up")],
      [
        () => t.speaker.ip("address", "del", `${t.speakerAddress}/30`, "dev", "to-router"),
        () => t.speaker.addAddress("to-router", `${t.speakerAddress}/30`),
      ],
    ];
    for (const [i, [lose, restore]] of loses.entries()) {
      lose();
      await waitFor("the session to be down", downs, (n) => n === i + 1, { logs: [t.vipcast], timeoutMs: 7_000 });
      restore();
      await routeAt(t, ROUTE, [t.vipcast]);
      await peerThat(t, "is up again", (p) => p.established === i + 2, { logs: [t.vipcast] });
    }
  });

  test("C-004 C-261 10,000 connects of a stranger cost a session, its routes and their latency nothing", async () => {
    const t = await uplink({ annotations: { opens: "both" } });
    t.speaker.addAddress("to-router", "10.9.9.1/24");
    t.router.host.addAddress("to-speaker", "10.9.9.2/24");
    await routeAt(t, ROUTE, [t.vipcast]);
    const fds = (): number => readdirSync(`/proc/${t.vipcast.process.pid}/fd`).length;
    const before = fds();
    const latency = async (n: number): Promise<number> => {
      const since = performance.now();
      t.manifests.write(`v${n}.yaml`, ...service(`v${n}`, `198.51.100.${100 + n}`));
      await routeAt(t, `198.51.100.${100 + n}/32`, [t.vipcast]);
      return performance.now() - since;
    };
    const quiet = Math.max(await latency(0), await latency(1), await latency(2));
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, fds());
    }, 10);
    const flood = knock(t.router.host, "10.9.9.2", "10.9.9.1", 10_000);
    const busy: number[] = [];
    for (let n = 3; n < 15; n++) busy.push(await latency(n));
    const outcomes = await flood;
    clearInterval(watch);
    expect(outcomes).toHaveLength(10_000);
    expect(outcomes).not.toContain("data");
    expect(most).toBeLessThan(before + 140);
    await waitFor("no descriptor of theirs", fds, (n) => n <= before + 2);
    expect(Math.max(...busy)).toBeLessThan(Math.max(3_000, 5 * quiet));
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
    const strangers = await t.vipcast.metric('vipcast_bgp_inbound_connections_total{outcome="stranger"}');
    expect(strangers).toBeGreaterThan(0);
    expect(floodLines(t.vipcast)).toBeLessThan(20); // C-265
  });
});

const floodLines = (vipcast: Vipcast): number => vipcast.logs().filter((l) => l.event === "listener").length;

// prints one line per connection: `data` when the other end spoke, the error that ended it, `closed`, or `timeout`
const KNOCK = `const net = require("node:net");
const [from, to, times] = process.argv.slice(1);
let left = Number(times), running = 0;
const out = [];
const next = () => {
  while (running < 1000 && left > 0) {
    left--; running++;
    const s = net.connect({ host: to, port: 179, localAddress: from });
    let done = false;
    const end = (what) => {
      if (done) return;
      done = true; running--; out.push(what); s.destroy();
      if (left > 0) setImmediate(next);
      else if (running === 0) console.log(out.join("\\n"));
    };
    s.setTimeout(1500, () => end("timeout"));
    s.on("data", () => end("data"));
    s.on("error", (e) => end(e.code));
    s.on("close", () => end("closed"));
  }
};
next();`;

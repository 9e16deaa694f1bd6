// What is tried with every router: the scenarios of the interop matrix. Owns the table and what each row expects. Knows
// routers only as MatrixRouter.
// Contract: a scenario gets an empty lab and leaves the rest to the stage; its id is the key by which a router declares
// that it cannot, or that it deviates.
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "vitest";
import type { Lab } from "../../../lab/lab.ts";
import type { LabRoute } from "../../../lab/routes.ts";
import { waitFor } from "../../../lab/waitFor.ts";
import type { ScenarioTitle } from "../suite.ts";
import { advertisement, type Manifest, service } from "../support.ts";
import { ADDRESSES, type Plan, type RouterKind } from "./router.ts";
import { Stage, type StageOptions, VIP, VIP6 } from "./stage.ts";

export interface Scenario extends ScenarioTitle {
  run(kind: RouterKind, lab: Lab): Promise<void>;
}

/** Restarts of either side; the full matrix is run with 50. */
export const RESTARTS = Number(process.env.VIPCAST_RESTARTS ?? "10");
/** From the start of whichever end was away to the route at the router (C-098). */
const REJOIN_MS = 10_000;
/** Until a router dials again is the router's own affair; all that were tried need less. */
const DIAL_AGAIN_MS = 60_000;
const LISTEN = ["--listen", "0.0.0.0:179,[::]:179"];
const MANY = 10_000;
const BOTH = ["ipv4-unicast", "ipv6-unicast"] as const;

const web = service("web", "198.51.100.10");
const web6 = service("web6", "2001:db8:100::10");
const plain = [advertisement(), ...web];

/** Opens a stage and waits for the session and these prefixes. */
async function upWith(kind: RouterKind, lab: Lab, prefixes: readonly string[], options: StageOptions): Promise<Stage> {
  const stage = await Stage.open(kind, lab, options);
  await stage.established();
  await stage.shows(prefixes, (route) => route.best);
  return stage;
}

const only = (table: ReadonlyMap<string, LabRoute>, prefix = VIP): LabRoute => {
  const route = table.get(prefix);
  if (route === undefined) throw new Error(`no ${prefix}`);
  return route;
};

/** Services in the pool 10.64.0.0/16. */
function manyServices(): readonly Manifest[] {
  return Array.from({ length: MANY }, (_, n) => service(`s${n}`, `10.64.${n >> 8}.${n & 0xff}`)).flat();
}

/** Both families over a session of one: the other one's next hop is the speaker's address on the same link. */
async function bothFamilies(kind: RouterKind, lab: Lab, over: Plan["over"]): Promise<void> {
  const objects = [advertisement(), ...web, ...web6];
  const stage = await upWith(kind, lab, [VIP, VIP6], { plan: { over, families: BOTH }, objects });
  const table = await stage.learned();
  // RFC 8950: a router that says so gets our address on the session for IPv4 routes, too
  const capabilities = String((await stage.status()).capabilities);
  const version = over === 6 && /extended.?next.?hop/i.test(capabilities) ? 6 : 4;
  expect(only(table, VIP).nextHop).toBe(ADDRESSES[version].speaker);
  expect(only(table, VIP6).nextHop).toBe(ADDRESSES[6].speaker);
  stage.manifests.write("objects.yaml", advertisement(), ...web6);
  await stage.shows([VIP6]);
  stage.manifests.write("objects.yaml", advertisement(), ...web);
  await stage.shows([VIP]);
  await stage.isOneSession();
}

/** First with another key, which must get nowhere, then with the right one. */
async function withPassword(kind: RouterKind, lab: Lab, plan: Partial<Plan>): Promise<void> {
  const [vip, own] = plan.over === 6 ? [VIP6, web6] : [VIP, web];
  const stage = await Stage.open(kind, lab, {
    plan: { ...plan, password: "only-between-us" },
    spec: { password: "something-else" },
    objects: [advertisement(), ...own],
    ...(plan.dials === true ? { annotations: { opens: "peer" }, speakerArgs: LISTEN } : {}),
  });
  await stage.refusesSegments("TCPMD5Failure");
  expect(await stage.router.isEstablished()).toBe(false);
  stage.editPeer({ spec: {} });
  await stage.established();
  await stage.shows([vip], (route) => route.best);
  await stage.isOneSession();
}

/** Looks at the router's table again and again while `act` runs. @returns how often the prefix was not there */
async function missesDuring(stage: Stage, prefix: string, act: () => Promise<void>): Promise<number> {
  let isOver = false;
  const look = async (): Promise<number> => {
    let misses = 0;
    for (; !isOver; await sleep(20)) if (!(await stage.learned()).has(prefix)) misses++;
    return misses;
  };
  const acting = act().finally(() => {
    isOver = true;
  });
  const [misses] = await Promise.all([look(), acting]);
  return misses;
}

/** Kill and stop in turn. */
const bySecond = (n: number): "SIGTERM" | "SIGKILL" => (n % 2 === 0 ? "SIGTERM" : "SIGKILL");

export const scenarios: readonly Scenario[] = [
  {
    id: "ebgp4",
    title: "eBGP over IPv4: a /32 with next hop, AS path and origin",
    run: async (kind, lab) => {
      const stage = await upWith(kind, lab, [VIP], { objects: plain });
      const expected = { nextHop: ADDRESSES[4].speaker, asPath: ["65001"], origin: "igp", best: true };
      expect(only(await stage.learned())).toMatchObject(expected);
      await stage.isOneSession();
    },
  },
  {
    id: "ibgp4",
    title: "iBGP over IPv4: empty AS path, LOCAL_PREF 100 unless said otherwise",
    run: async (kind, lab) => {
      const stage = await upWith(kind, lab, [VIP], { plan: { routerAsn: 65_001 }, objects: plain });
      const expected = { nextHop: ADDRESSES[4].speaker, asPath: [], localPref: 100, origin: "igp", best: true };
      expect(only(await stage.learned())).toMatchObject(expected);
      stage.manifests.write("objects.yaml", advertisement({ localPref: 250 }), ...web);
      await stage.shows([VIP], (route) => route.localPref === 250);
      await stage.isOneSession();
    },
  },
  {
    id: "ebgp6",
    title: "eBGP over IPv6: a /128 with next hop",
    run: async (kind, lab) => {
      const plan = { over: 6, families: ["ipv6-unicast"] } as const;
      const stage = await upWith(kind, lab, [VIP6], { plan, objects: [advertisement(), ...web6] });
      const expected = { nextHop: ADDRESSES[6].speaker, asPath: ["65001"], origin: "igp", best: true };
      expect(only(await stage.learned(), VIP6)).toMatchObject(expected);
      stage.manifests.remove("objects.yaml");
      await stage.shows([]);
      await stage.isOneSession();
    },
  },
  {
    id: "both4",
    title: "C-115 both families on one session over IPv4",
    run: (kind, lab) => bothFamilies(kind, lab, 4),
  },
  {
    id: "both6",
    title: "C-115 both families on one session over IPv6",
    run: (kind, lab) => bothFamilies(kind, lab, 6),
  },
  {
    id: "attributes",
    title: "communities, large communities, MED and prepended AS path as the router shows them",
    run: async (kind, lab) => {
      const spec = { communities: ["65001:1", "65001:2", "no-export", "large:65001:2:3"] };
      const stage = await upWith(kind, lab, [VIP], { objects: [advertisement(spec), ...web] });
      const route = only(await stage.learned());
      expect([...route.communities].sort()).toEqual(["65001:1", "65001:2", "no-export"]);
      expect(route.largeCommunities).toEqual(["65001:2:3"]);
      const annotations = { "vipcast.io/med": "77", "vipcast.io/as-path-prepend": "2" };
      const annotated = advertisement(spec);
      stage.manifests.write(
        "objects.yaml",
        { ...annotated, metadata: { ...(annotated.metadata as object), annotations } },
        ...web,
      );
      const asWanted = (r: LabRoute): boolean => r.med === 77 && r.asPath.join() === "65001,65001,65001";
      await stage.shows([VIP], asWanted);
      await stage.isOneSession();
    },
  },
  {
    id: "withdraw",
    title: "a route is withdrawn, its neighbour stays",
    run: async (kind, lab) => {
      const stays = service("stays", "198.51.100.20");
      const objects = [advertisement(), ...web, ...stays];
      const stage = await upWith(kind, lab, [VIP, "198.51.100.20/32"], { objects });
      stage.manifests.write("objects.yaml", advertisement(), ...stays);
      await stage.shows(["198.51.100.20/32"]);
      stage.manifests.write("objects.yaml", advertisement(), ...stays, ...web);
      await stage.shows([VIP, "198.51.100.20/32"]);
      await stage.isOneSession();
    },
  },
  {
    id: "asn4",
    title: "a local AS of four octets",
    run: async (kind, lab) => {
      const stage = await upWith(kind, lab, [VIP], { plan: { speakerAsn: 4_200_000_001 }, objects: plain });
      expect(only(await stage.learned()).asPath).toEqual(["4200000001"]);
      await stage.isOneSession();
    },
  },
  {
    id: "md5",
    title: "C-256 TCP MD5 over IPv4, we dial",
    run: (kind, lab) => withPassword(kind, lab, {}),
  },
  {
    id: "md5over6",
    title: "C-256 TCP MD5 over IPv6, we dial",
    run: (kind, lab) => withPassword(kind, lab, { over: 6, families: ["ipv6-unicast"] }),
  },
  {
    id: "md5inbound",
    title: "C-256 TCP MD5 over IPv4, the router dials",
    run: (kind, lab) => withPassword(kind, lab, { dials: true }),
  },
  {
    id: "gtsm",
    title: "C-258 GTSM: with TTL 255 demanded by both ends; not up when only the router does",
    run: async (kind, lab) => {
      const gtsm = { "gtsm-hops": "1" };
      const stage = await upWith(kind, lab, [VIP], { plan: { gtsm: true }, annotations: gtsm, objects: plain });
      await stage.isOneSession();
      stage.editPeer({ annotations: {} });
      await stage.refusesSegments("TCPMinTTLDrop");
      // our OPEN may slip in before the router has set its filter, what follows it does not
      for (const end = performance.now() + 1_000; performance.now() < end; await sleep(50)) {
        expect(await stage.router.isEstablished()).toBe(false);
      }
    },
  },
  {
    id: "passive",
    title: "C-001 C-002 only the router dials: one session, and no SYN from us, also after restarts of either",
    run: async (kind, lab) => {
      const options = { plan: { dials: true }, annotations: { opens: "peer" }, objects: plain, speakerArgs: LISTEN };
      const stage = await upWith(kind, lab, [VIP], options);
      await stage.isOneSession();
      await stage.stopSpeaker("SIGTERM");
      await stage.shows([]);
      await stage.router.forgive?.();
      stage.startSpeaker();
      await stage.shows([VIP], undefined, DIAL_AGAIN_MS);
      await stage.router.stop("SIGTERM");
      await stage.router.start();
      await stage.shows([VIP], undefined, DIAL_AGAIN_MS);
      await stage.isOneSession(2);
      expect(stage.connectionsBegun()).toBe(0);
    },
  },
  {
    id: "collision",
    title: `C-001 C-023 both dial and are killed and started together ${RESTARTS} times: one session within 10 s`,
    timeoutMs: 60_000 + RESTARTS * 15_000,
    run: async (kind, lab) => {
      const options = { plan: { dials: true }, annotations: { opens: "both" }, objects: plain, speakerArgs: LISTEN };
      const stage = await upWith(kind, lab, [VIP], options);
      for (let n = 0; n < RESTARTS; n++) {
        await Promise.all([stage.router.stop("SIGKILL"), stage.stopSpeaker("SIGKILL")]);
        stage.startSpeaker();
        await stage.router.start();
        const since = performance.now();
        await stage.shows([VIP], undefined, REJOIN_MS * 2);
        expect(performance.now() - since, `restart ${n + 1}`).toBeLessThan(REJOIN_MS);
        await stage.statusThat("is Established", (s) => s.state === "Established");
        // the loser of a collision may still be closing
        await waitFor(
          "one connection",
          () => stage.connections(),
          (count) => count === 1,
          { logs: stage.logs },
        );
        expect(await stage.router.isEstablished()).toBe(true);
      }
    },
  },
  {
    id: "refresh",
    title: "C-168 route refresh asked by the router: the table is complete and unchanged",
    run: async (kind, lab) => {
      const objects = [advertisement(), ...web, ...service("api", "198.51.100.11"), ...service("db", "198.51.100.12")];
      const all = [VIP, "198.51.100.11/32", "198.51.100.12/32"];
      const stage = await upWith(kind, lab, all, { objects });
      const before = await stage.learned();
      const sent = await stage.counter("updatesSent");
      await stage.router.refresh();
      const heard = async () => [await stage.counter("routeRefreshesReceived"), await stage.counter("updatesSent")];
      const isAnswered = ([requests = 0, updates = 0]: readonly number[]) => requests > 0 && updates > sent;
      await waitFor("a refresh and its answer", heard, isAnswered, { logs: stage.logs, everyMs: 100 });
      // a change behind the refresh: when it is there, the answer has been read
      stage.manifests.write("more.yaml", ...service("more", "198.51.100.13"));
      const after = await stage.shows([...all, "198.51.100.13/32"]);
      for (const [prefix, route] of before) expect(after.get(prefix)).toEqual(route);
      await stage.isOneSession();
    },
  },
  {
    id: "tenThousand",
    title: "10,000 prefixes arrive and go",
    timeoutMs: 180_000,
    run: async (kind, lab) => {
      // a router that reads slowly may be late with its keepalives
      const stage = await upWith(kind, lab, [VIP], { objects: plain, spec: { holdTime: "60s" } });
      stage.manifests.write("many.yaml", ...manyServices());
      await stage.counts(MANY + 1, 60_000);
      stage.manifests.remove("many.yaml");
      await stage.counts(1, 60_000);
      await stage.shows([VIP]);
      await stage.isOneSession();
    },
  },
  {
    id: "routerRestarts",
    title: `C-098 ${RESTARTS} restarts of the router: always back, one session, within 10 s`,
    timeoutMs: 60_000 + RESTARTS * 15_000,
    run: async (kind, lab) => {
      const stage = await upWith(kind, lab, [VIP], { objects: plain });
      for (let n = 0; n < RESTARTS; n++) {
        await stage.router.stop(bySecond(n));
        await stage.router.start();
        const since = performance.now();
        await stage.shows([VIP], undefined, REJOIN_MS * 2);
        expect(performance.now() - since, `restart ${n + 1}`).toBeLessThan(REJOIN_MS);
      }
      await stage.isOneSession(RESTARTS + 1);
    },
  },
  {
    id: "speakerRestarts",
    title: `C-098 ${RESTARTS} restarts of vipcast: always back, one session, within 10 s`,
    timeoutMs: 60_000 + RESTARTS * 15_000,
    run: async (kind, lab) => {
      const stage = await upWith(kind, lab, [VIP], { objects: plain });
      for (let n = 0; n < RESTARTS; n++) {
        await stage.stopSpeaker(bySecond(n));
        await stage.shows([]);
        await stage.router.forgive?.();
        stage.startSpeaker();
        const since = performance.now();
        await stage.shows([VIP], undefined, REJOIN_MS * 2);
        expect(performance.now() - since, `restart ${n + 1}`).toBeLessThan(REJOIN_MS);
        await stage.isOneSession();
      }
    },
  },
  {
    id: "routerAdvertises",
    title: "the router advertises a default route, many prefixes and our own VIP: they are counted and change nothing",
    run: async (kind, lab) => {
      const many = Array.from({ length: kind.maxAdvertised - 2 }, (_, n) => `172.16.${n >> 2}.${(n & 3) << 6}/26`);
      const advertises = ["0.0.0.0/0", VIP, ...many];
      const stage = await Stage.open(kind, lab, { plan: { advertises }, objects: plain });
      await stage.established();
      const kernel = stage.kernelRoutes();
      // the VIP may come back to us, or, where the router likes our route better, not at all
      const isAll = (n: unknown): boolean => n === advertises.length || n === advertises.length - 1;
      const status = await stage.statusThat("has brought everything", (s) => isAll(s.received));
      expect(status).toMatchObject({ advertised: 1, pending: 0, lastFaultyUpdate: null, problem: null });
      await stage.shows([VIP]);
      stage.manifests.write("api.yaml", ...service("api", "198.51.100.11"));
      await stage.shows([VIP, "198.51.100.11/32"]);
      expect(stage.kernelRoutes()).toBe(kernel);
      await stage.isOneSession();
    },
  },
  {
    id: "gracefulRestart",
    title:
      "C-176 C-177 C-178 graceful restart: kill -9 keeps the VIP, what was deleted meanwhile goes, a planned stop removes all",
    run: async (kind, lab) => {
      const api = service("api", "198.51.100.11");
      // tells even the shortest gap, which looking at the table may miss
      const kernel = kind.installsRoutes ? lab.host("router").spawn("ip", ["-o", "monitor", "route"]) : null;
      const stage = await upWith(kind, lab, [VIP, "198.51.100.11/32"], {
        plan: { gracefulRestart: true },
        spec: { enableGracefulRestart: true },
        objects: [advertisement(), ...web, ...api],
        speakerArgs: ["--state-dir", lab.host("speaker").dir],
      });
      const misses = await missesDuring(stage, VIP, async () => {
        await stage.stopSpeaker("SIGKILL");
        const isUp = () => stage.router.isEstablished();
        await waitFor("the session's end", isUp, (is) => !is, { logs: stage.logs });
        stage.manifests.write("objects.yaml", advertisement(), ...web);
        await stage.shows([VIP, "198.51.100.11/32"]);
        stage.startSpeaker();
        await stage.established();
        await stage.shows([VIP]);
      });
      expect(misses).toBe(0);
      if (kernel !== null) {
        const isGone = (said: string): boolean => /^Deleted 198\.51\.100\.11 /m.test(said);
        const told = await waitFor("the kernel's news", () => kernel.output(), isGone, { logs: stage.logs });
        expect(told).not.toMatch(/^Deleted 198\.51\.100\.10 /m);
      }
      await stage.isOneSession();
      expect(await stage.stopSpeaker("SIGTERM")).toMatchObject({ code: 0 });
      await stage.shows([], undefined, 2_000);
    },
  },
  {
    id: "plannedStop",
    title: "C-081 the router drops our routes at once when we stop",
    run: async (kind, lab) => {
      const stage = await upWith(kind, lab, [VIP], { objects: plain });
      expect(await stage.stopSpeaker("SIGTERM")).toMatchObject({ code: 0, forced: false });
      await stage.shows([], undefined, 2_000);
    },
  },
  {
    id: "ourText",
    title: "C-164 the router shows the text of our Cease",
    run: async (kind, lab) => {
      const text = "kernel update, back at noon";
      const stage = await upWith(kind, lab, [VIP], { objects: plain, speakerArgs: ["--shutdown-text", text] });
      await stage.stopSpeaker("SIGTERM");
      const heard = () => stage.router.heard();
      await waitFor("our text", heard, (said) => said.includes(text), { logs: stage.logs });
    },
  },
  {
    id: "routerShutdown",
    title: "C-167 the router's shutdown text is in `vipcast peers`",
    run: async (kind, lab) => {
      const stage = await upWith(kind, lab, [VIP], { objects: plain });
      await stage.router.shutdown("spring clean");
      const status = await stage.statusThat("heard the Cease", (s) => s.lastNotificationReceived !== null);
      expect(status.lastNotificationReceived).toMatchObject({ code: 6, subcode: 2, text: "spring clean" });
      expect(status.state).not.toBe("Established");
    },
  },
];

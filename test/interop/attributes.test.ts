// What annotations and draining put on the wire, as a real FRR router shows it.
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { chain } from "../../lab/topologies/chain.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  annotated,
  bgpPeer,
  communities,
  goneAt,
  labTracker,
  Manifests,
  pool,
  prefixesAt,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
  VIP,
} from "./support.ts";

const problem = labProblem();
const SHARED = "198.51.100.11/32";

describe.skipIf(problem !== null)(titleOrSkip("attributes at FRR", problem), () => {
  const track = labTracker();

  test("MED and prepend of the advertisement, and of the Service in its place, live", async () => {
    const s = track(await oneRouter());
    const manifests = new Manifests(s.speaker);
    const web = (values: Readonly<Record<string, string>>): void => {
      const [object, ...slices] = service("web", VIP);
      manifests.write("web.yaml", annotated(object, values), ...slices);
    };
    manifests.write("peers.yaml", bgpPeer(s));
    manifests.write("pool.yaml", pool(), annotated(advertisement(), { med: "50", "as-path-prepend": "2" }));
    manifests.write("other.yaml", ...service("other", "198.51.100.11"));
    web({});
    const vipcast = startSpeaker(s.speaker, manifests);
    const common = { med: 50, asPath: ["65001", "65001", "65001"] };
    expect(await routeAt(s, ROUTE, [vipcast])).toMatchObject(common);
    web({ med: "7", "as-path-prepend": "0" });
    expect(await routeAt(s, ROUTE, [vipcast], (r) => r.med === 7)).toMatchObject({ asPath: ["65001"] });
    expect(await routeAt(s, SHARED, [vipcast])).toMatchObject(common);
    // a wrong value costs the annotation, not the route
    web({ med: "cheap", "as-path-prepend": "1" });
    expect(await routeAt(s, ROUTE, [vipcast], (r) => r.med === 50)).toMatchObject({ asPath: ["65001", "65001"] });
    expect(await s.router.peer(s.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
  });

  test("C-111 an internal peer sees the MED and no copies of our AS", async () => {
    const s = track(await oneRouter({ session: "ibgp" }));
    const manifests = new Manifests(s.speaker);
    manifests.write("peers.yaml", bgpPeer(s));
    manifests.write("pool.yaml", pool(), annotated(advertisement(), { med: "50", "as-path-prepend": "2" }));
    manifests.write("web.yaml", ...service("web", VIP));
    const vipcast = startSpeaker(s.speaker, manifests);
    expect(await routeAt(s, ROUTE, [vipcast])).toMatchObject({ med: 50, asPath: [], localPref: 100 });
  });

  test("C-194 FRR passes on neither what we mark with no-export nor with no-advertise, by name or by number", async () => {
    const s = track(await chain());
    const manifests = new Manifests(s.speaker);
    const marks = { open: "65000:1", quiet: "no-export", silent: "no-advertise", numbered: "65535:65281" };
    const names = Object.keys(marks);
    manifests.write("peers.yaml", bgpPeer(s.near));
    manifests.write(
      "pool.yaml",
      pool(),
      ...Object.entries(marks).map(([name, community]) =>
        advertisement({ communities: [community], serviceSelectors: [{ matchLabels: { mark: name } }] }, name),
      ),
    );
    const write = (name: string): void => {
      const labels = { mark: name };
      manifests.write(`${name}.yaml`, ...service(name, `198.51.100.${10 + names.indexOf(name)}`, { labels }));
    };
    for (const name of names.slice(1)) write(name);
    const vipcast = startSpeaker(s.speaker, manifests);
    const seen = await Promise.all(names.slice(1).map((_, i) => routeAt(s.near, `198.51.100.${11 + i}/32`, [vipcast])));
    expect(seen.map((r) => r.communities)).toEqual([["no-export"], ["no-advertise"], ["no-export"]]);
    // the sentinel: announced last, and it has come through
    write("open");
    await routeAt(s.far, ROUTE, [vipcast]);
    expect(await prefixesAt(s.far)).toEqual([ROUTE]);
    expect(await prefixesAt(s.near)).toHaveLength(names.length);
  });

  test("an alias in use that is deleted: no UPDATE leaves, status says so, and its new value counts when it is back", async () => {
    const s = track(await oneRouter());
    const manifests = new Manifests(s.speaker);
    const names = (value: string): void => manifests.write("names.yaml", communities({ alias: value }));
    manifests.write("peers.yaml", bgpPeer(s));
    manifests.write("pool.yaml", pool(["198.51.100.0/25"]), advertisement({ communities: ["alias"] }));
    manifests.write(
      "plain.yaml",
      pool(["198.51.100.128/25"], "plain"),
      advertisement({ ipAddressPools: ["plain"] }, "plain"),
    );
    names("65000:1");
    manifests.write("web.yaml", ...service("web", VIP));
    const vipcast = startSpeaker(s.speaker, manifests);
    const updates = async (): Promise<number> => (await s.router.peer(s.speakerAddress)).messages.updatesRecv ?? 0;
    const status = async () => JSON.parse(await vipcast.cli("status", "--json", "--socket", vipcast.socket));
    expect(await routeAt(s, ROUTE, [vipcast])).toMatchObject({ communities: ["65000:1"] });
    const before = await updates();

    manifests.remove("names.yaml");
    const { problems } = await waitFor("the problem", status, (seen) => seen.problems.length > 0, { logs: [vipcast] });
    expect(problems).toEqual([
      expect.objectContaining({
        severity: "error",
        kind: "BGPAdvertisement",
        name: "public",
        path: "spec.communities[0]",
        message: expect.stringContaining("its last value 65000:1 stays in force"),
        file: "pool.yaml",
      }),
    ]);
    // the sentinel: what the deletion would have sent has been sent before it
    manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.200"));
    await routeAt(s, "198.51.100.200/32", [vipcast]);
    expect((await updates()) - before).toBe(1);
    expect(await routeAt(s, ROUTE, [vipcast])).toMatchObject({ communities: ["65000:1"] });

    names("65000:2");
    await routeAt(s, ROUTE, [vipcast], (r) => r.communities.includes("65000:2"));
    expect((await updates()) - before).toBe(2);
    expect((await status()).problems).toEqual([]);
  });

  test("objects in force that are edited to what cannot be used: no UPDATE leaves, the session stays, status says so", async () => {
    const s = track(await oneRouter());
    const manifests = new Manifests(s.speaker);
    const named = (...communities: string[]): void =>
      manifests.write("public.yaml", advertisement({ ipAddressPools: ["public"], communities }));
    manifests.write("peers.yaml", bgpPeer(s));
    manifests.write("pools.yaml", pool(["198.51.100.0/25"]), pool(["198.51.100.128/25"], "plain"));
    manifests.write("plain.yaml", advertisement({ ipAddressPools: ["plain"] }, "plain"));
    named("65000:1");
    manifests.write("web.yaml", ...service("web", VIP));
    const vipcast = startSpeaker(s.speaker, manifests);
    const session = async () => await s.router.peer(s.speakerAddress);
    const status = async () => JSON.parse(await vipcast.cli("status", "--json", "--socket", vipcast.socket));
    const problemsAt = async (file: string, path: string) =>
      await waitFor(
        `the problem of ${path}`,
        status,
        (seen) => seen.problems.some((p: { file: string; path: string }) => p.file === file && p.path === path),
        { logs: [vipcast] },
      );
    expect(await routeAt(s, ROUTE, [vipcast])).toMatchObject({ communities: ["65000:1"] });
    const before = (await session()).messages.updatesRecv ?? 0;

    named("65000:1", "1:70000");
    await problemsAt("public.yaml", "spec.communities[1]");
    named("later");
    await problemsAt("public.yaml", "spec.communities[0]");
    manifests.write("peers.yaml", bgpPeer(s, { spec: { sourceAddress: "2001:db8::1" } }));
    const { problems } = await problemsAt("peers.yaml", "spec.sourceAddress");
    expect(problems).toHaveLength(2);
    for (const p of problems) expect(p.hint).toContain("The last good version stays in force.");
    // the sentinel: what the edits would have sent has been sent before it
    manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.200"));
    await routeAt(s, "198.51.100.200/32", [vipcast]);
    expect(await session()).toMatchObject({ established: 1, dropped: 0, messages: { updatesRecv: before + 1 } });
    expect(await routeAt(s, ROUTE, [vipcast])).toMatchObject({ communities: ["65000:1"] });

    manifests.write("names.yaml", communities({ later: "65000:2" }));
    await routeAt(s, ROUTE, [vipcast], (r) => r.communities.includes("65000:2"));
    manifests.write("peers.yaml", bgpPeer(s));
    await waitFor("no problems", status, (seen) => seen.problems.length === 0, { logs: [vipcast] });
    expect(await session()).toMatchObject({ established: 1, dropped: 0, messages: { updatesRecv: before + 2 } });
  });

  test("C-193 SIGTERM with a drain time: FRR prefers any other way at once, and loses the route only after it", async () => {
    const s = track(await oneRouter());
    const manifests = new Manifests(s.speaker);
    manifests.write("peers.yaml", bgpPeer(s));
    manifests.write("pool.yaml", pool(), advertisement({ communities: ["65000:1"] }));
    manifests.write("web.yaml", ...service("web", VIP));
    const vipcast = startSpeaker(s.speaker, manifests, { extraArgs: ["--drain-time", "2s"] });
    const before = await routeAt(s, ROUTE, [vipcast]);
    const stopping = vipcast.stop("SIGTERM");
    const draining = await routeAt(s, ROUTE, [vipcast], (r) => r.communities.includes("graceful-shutdown"));
    // RFC 8326 section 4.1: the receiver gives such a route the lowest preference
    expect(draining).toEqual({ ...before, communities: ["65000:1", "graceful-shutdown"], localPref: 0 });
    expect(await stopping).toMatchObject({ code: 0, forced: false });
    expect((await stopping).ms).toBeGreaterThan(2_000);
    await goneAt(s, ROUTE, [], 500);
  });
});

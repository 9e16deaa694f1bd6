// A hostile peer in another language (hostile/peer.py) against the built speaker: every malformed input gets the reaction of the
// RFCs, while the session with a healthy FRR keeps its routes, its UPDATE counter and its latency. Owns the set-up and what
// the healthy router sees; cases and expectations are in the Python program.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FrrPeer } from "../../lab/frr.ts";
import type { LabProcess } from "../../lab/process.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { type OneRouter, oneRouter } from "../../lab/topologies/oneRouter.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { announcingWeb, bgpPeer, goneAt, type Manifests, ROUTE, routeAt, service, startSpeaker } from "./support.ts";

const problem = labProblem();
const PROGRAM = join(import.meta.dirname, "hostile", "peer.py");
const OTHER = "198.51.100.20/32";

interface Result {
  readonly section: string;
  readonly name: string;
  readonly ok: boolean;
  readonly want: unknown;
  readonly got: string;
}

describe.skipIf(problem !== null)(titleOrSkip("a hostile peer", problem), () => {
  let t: OneRouter;
  let vipcast: Vipcast;
  let hostile: LabProcess;
  let results: readonly Result[] = [];
  let before: FrrPeer;
  const calm: number[] = [];
  const attacked: number[] = [];

  const lines = (): readonly object[] =>
    hostile
      .output()
      .split("\n")
      .filter((l) => l.startsWith("{"))
      .map((l) => JSON.parse(l) as object);

  /** Milliseconds until FRR has a new service's route, and until it has lost it again. */
  async function change(manifests: Manifests): Promise<readonly number[]> {
    const start = performance.now();
    manifests.write("other.yaml", ...service("other", "198.51.100.20"));
    await routeAt(t, OTHER, [vipcast]);
    const there = performance.now();
    manifests.remove("other.yaml");
    await goneAt(t, OTHER, [vipcast]);
    return [there - start, performance.now() - there];
  }

  beforeAll(async () => {
    t = await oneRouter();
    const manifests = announcingWeb(t.speaker);
    manifests.write("peer.yaml", bgpPeer(t));
    vipcast = startSpeaker(t.speaker, manifests);
    await routeAt(t, ROUTE, [vipcast]);
    for (let i = 0; i < 5; i++) calm.push(...(await change(manifests)));
    before = await t.router.peer(t.speakerAddress);

    hostile = t.router.host.spawn("python3", [PROGRAM, "run", t.routerAddress], { name: "hostile" });
    const { asn, ports } = JSON.parse(await t.router.host.exec("python3", [PROGRAM, "list"])) as {
      readonly asn: number;
      readonly ports: readonly number[];
    };
    await waitFor("the hostile peer to listen", lines, (l) => l.length > 0, { logs: [hostile] });
    const uplink = { routerAsn: asn, routerAddress: t.routerAddress };
    const peers = ports.map((port) => bgpPeer(uplink, { name: `hostile-${port}`, spec: { peerPort: port } }));
    manifests.write("hostile.yaml", ...peers);
    const isDone = (): boolean => lines().some((l) => "done" in l) || !hostile.running;
    while (!isDone() && attacked.length < 400) attacked.push(...(await change(manifests)));
    await waitFor("the hostile peer to be done", isDone, (done) => done, {
      logs: [hostile, vipcast],
      timeoutMs: 90_000,
    });
    results = lines().filter((l): l is Result => "section" in l);
  }, 180_000);

  afterAll(() => t.lab.close());

  test.each([
    [
      "header",
      "C-024 C-025 C-026 C-027 C-031 C-083 bad headers hear 1/1, 1/2, 1/3 with their data, and nothing after it",
    ],
    ["open", "C-041 C-042 C-043 C-045 C-046 C-047 C-048 C-049 C-052 bad OPENs hear 2/x"],
    ["capabilities", "C-050 C-051 C-056 C-057 C-059 C-060 C-063 C-064 odd capabilities come up"],
    [
      "order",
      "C-006 C-028 C-054 C-071 C-075 C-076 C-079 C-264 messages out of order hear 5/x, half messages 4/0, FIN nothing",
    ],
    ["notification", "C-080 C-160 C-163 a NOTIFICATION of any code and size is not answered"],
    ["reset", "C-121 C-123 C-130 C-142 C-143 what makes the routes unfindable resets with 3/x"],
    [
      "stay",
      "C-122 C-125 C-127 C-131 C-132 C-135 C-140 C-144 C-149 C-150 C-151 C-153 C-154 C-155 C-156 C-157 C-169 C-171 C-173 anything else costs no session",
    ],
    ["slow", "C-012 C-034 C-036 C-038 our OPEN reads well, and octets one by one make a session"],
  ])("%s: %s", (section) => {
    const mine = results.filter((r) => r.section === section);
    expect(mine.filter((r) => !r.ok)).toEqual([]);
    expect(mine.length).toBeGreaterThan(0);
  });

  test("C-083 C-161 every one of more than a hundred farewells could be read, although octets were left unread", () => {
    const farewells = results.filter((r) => Array.isArray(r.want));
    expect(farewells.length).toBeGreaterThan(100);
    expect(farewells.filter((r) => /Reset|Error/.test(r.got))).toEqual([]);
  });

  test("C-086 C-268 the healthy router kept its session and saw nothing but the changes that were made", async () => {
    const after = await t.router.peer(t.speakerAddress);
    expect(after).toMatchObject({ established: 1, dropped: 0 });
    expect(await t.router.route(ROUTE)).toHaveLength(1);
    const updates = (after.messages.updatesRecv ?? 0) - (before.messages.updatesRecv ?? 0);
    expect(updates).toBe(attacked.length);
    expect(await vipcast.metric("vipcast_internal_errors_total")).toBe(0);
  });

  test("C-263 the healthy router's changes arrived about as fast as before", () => {
    const median = (list: readonly number[]): number =>
      list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
    const worst = Math.max(...attacked);
    console.info(
      `${results.length} cases; change to FRR's table: calm ${median(calm).toFixed(0)} ms, attacked ${median(attacked).toFixed(0)} ms, worst ${worst.toFixed(0)} ms of ${attacked.length}`,
    );
    expect(worst).toBeLessThan(5_000);
  });
});

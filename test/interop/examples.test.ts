// The manifests of config/examples at real routers: the worked example of the compatibility notes, row by row, and a cluster per site at
// two sites that stand in for each other. The files are taken as they are; what a step changes is one file, edited by text.
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Frr, startFrr } from "../../lab/frr.ts";
import { bfdPeer } from "../../lab/frrBfd.ts";
import { createLab, type Host, type Lab } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { RouteTable } from "../../lab/routes.ts";
import { twoRouters } from "../../lab/topologies/twoRouters.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { type LogSource, waitFor } from "../../lab/waitFor.ts";
import { established, labTracker, Manifests, startSpeaker } from "./support.ts";

const problem = labProblem();
const EXAMPLES = join(import.meta.dirname, "../../config/examples");

/** A copy of an example in a host's directory, to be edited there. */
function exampleAt(host: Host, name: string): Manifests & { edit(file: string, from: string, to: string): void } {
  const manifests = new Manifests(host);
  cpSync(join(EXAMPLES, name), manifests.dir, { recursive: true });
  return Object.assign(manifests, {
    edit(file: string, from: string, to: string): void {
      const text = readFileSync(manifests.path(file), "utf8");
      expect(text).toContain(from);
      manifests.writeText(file, text.replace(from, to));
    },
  });
}

/** Each path as `prefix from NEIGHBOUR pref P [communities]`, the best one marked with `>`; sorted. */
const pathsIn = (table: RouteTable): readonly string[] =>
  [...table.values()]
    .flat()
    .map((r) => {
      const pref = r.localPref === null ? "" : ` pref ${r.localPref}`;
      return `${r.prefix}${r.best ? " >" : ""} from ${r.from}${pref}${r.communities.map((c) => ` ${c}`).join("")}`;
    })
    .sort();

const tableBecomes = (router: Frr, paths: readonly string[], logs: readonly LogSource[], timeoutMs = 20_000) =>
  waitFor(
    `${router.name} to have ${JSON.stringify(paths)}`,
    async () => pathsIn(await router.bgpRoutes()),
    (seen) => JSON.stringify(seen) === JSON.stringify([...paths].sort()),
    { logs, timeoutMs, everyMs: 100 },
  );

describe.skipIf(problem !== null)(titleOrSkip("the worked example at FRR", problem), () => {
  const track = labTracker();
  const TEN = "198.51.100.10/32 >";
  const ELEVEN = "198.51.100.11/32 >";
  const AGGREGATE = "198.51.100.0/24 > from 192.0.2.5 pref 100";
  const atEdge = (prefix: string, pref = 100) => `${prefix} from 192.0.2.5 pref ${pref} no-advertise`;
  const atTor = (prefix: string) => `${prefix} from 192.0.2.1 no-advertise`;

  async function worked() {
    const t = track(await twoRouters({ rightSession: "ibgp" }));
    const manifests = exampleAt(t.speaker, "worked-example");
    const vipcast = startSpeaker(t.speaker, manifests);
    const tables = async (tor: readonly string[], edge: readonly string[]) => {
      await Promise.all([tableBecomes(t.left.router, tor, [vipcast]), tableBecomes(t.right.router, edge, [vipcast])]);
    };
    await Promise.all([t.left, t.right].map((u) => established(u, [vipcast])));
    await tables([atTor(TEN)], [atEdge(TEN), AGGREGATE]);
    return { manifests, vipcast, tables };
  }

  test("routes and attributes per router; a second service joins; without endpoints all are withdrawn, the aggregate too", async () => {
    const { manifests, tables } = await worked();
    manifests.edit("s2.yaml", "ready: false", "ready: true");
    await tables([atTor(TEN), atTor(ELEVEN)], [atEdge(TEN), atEdge(ELEVEN), AGGREGATE]);
    manifests.edit("s1.yaml", "ready: true", "ready: false");
    await tables([atTor(ELEVEN)], [atEdge(ELEVEN), AGGREGATE]);
    manifests.edit("s2.yaml", "ready: true", "ready: false");
    await tables([], []);
  });

  test("with localPref 200 on the same prefixes the younger advertisement is out, and told", async () => {
    const { manifests, vipcast, tables } = await worked();
    manifests.edit("pool.yaml", "aggregationLength: 24\n  peers: [edge]", "aggregationLength: 32\n  localPref: 200");
    await tables([atTor(TEN)], [atEdge(TEN)]);
    expect(await vipcast.cli("status", "--json", "--socket", vipcast.socket)).toMatch(
      /localPref \(200\) conflicts with BGPAdvertisement/,
    );
  });

  test("where only one service is selected by both, that one is withdrawn, the other stays", async () => {
    const { manifests, vipcast, tables } = await worked();
    manifests.edit("s2.yaml", "ready: false", "ready: true");
    await tables([atTor(TEN), atTor(ELEVEN)], [atEdge(TEN), atEdge(ELEVEN), AGGREGATE]);
    const selected = "aggregationLength: 32\n  localPref: 200\n  serviceSelectors: [{ matchLabels: { app: s1 } }]";
    manifests.edit("pool.yaml", "aggregationLength: 24\n  peers: [edge]", selected);
    await tables([atTor(ELEVEN)], [atEdge(ELEVEN)]);
    const line = vipcast.logs().find((l) => l.event === "serviceWithdrawn");
    expect(line).toMatchObject({ service: "default/s1", reason: "conflictingAdvertisements" });
  });
});

interface Site {
  readonly router: Frr;
  readonly nodes: readonly Vipcast[];
  readonly nodeAddresses: readonly string[];
}

/**
 * Two sites, each a segment with a router and two nodes; the routers talk to each other.
 *
 *   a1 .2 ─┐                                                            ┌─ .10 b1
 *          ├─ 192.0.2.0/29 ─ .1 ra (AS 65001) ── .17/.18 ── rb (AS 65002) .9 ─ 192.0.2.8/29 ─┤
 *   a2 .3 ─┘                                                            └─ .11 b2
 */
async function twoSites(): Promise<{ readonly lab: Lab; readonly a: Site; readonly b: Site }> {
  const lab = createLab("twoSites");
  try {
    lab.link(lab.host("ra"), lab.host("rb"), { addressA: "192.0.2.17/30", addressB: "192.0.2.18/30" });
    const site = async (name: string, asn: number, first: number, other: { asn: number; address: string }) => {
      const nodeAddresses = [`192.0.2.${first + 1}`, `192.0.2.${first + 2}`];
      lab.attach(lab.host(`r${name}`), `seg-${name}`, `192.0.2.${first}/29`);
      const neighbors = nodeAddresses.flatMap((address) => [
        ` neighbor ${address} remote-as ${asn}`,
        ` neighbor ${address} password example-of-site-${name}`,
        ` neighbor ${address} timers connect 1`,
        ` neighbor ${address} bfd profile quick`,
      ]);
      const bgpd = [
        `router bgp ${asn}`,
        ` bgp router-id 192.0.2.${first}`,
        " no bgp ebgp-requires-policy",
        ...neighbors,
        ` neighbor ${other.address} remote-as ${other.asn}`,
        ` neighbor ${other.address} timers connect 1`,
        ` neighbor ${other.address} advertisement-interval 0`,
        "exit",
      ].join("\n");
      const profile = ["profile quick", "receive-interval 300", "transmit-interval 300", "detect-multiplier 3", "exit"];
      const router = await startFrr(lab.host(`r${name}`), { bgpd, bfdd: ["bfd", ...profile, ""].join("\n") });
      const nodes = nodeAddresses.map((address, i) => {
        const host = lab.host(`${name}${i + 1}`);
        lab.attach(host, `seg-${name}`, `${address}/29`);
        const manifests = exampleAt(host, `two-sites/site-${name}`);
        return startSpeaker(host, manifests, { nodeName: host.name });
      });
      return { router, nodes, nodeAddresses };
    };
    const a = await site("a", 65_001, 1, { asn: 65_002, address: "192.0.2.18" });
    const b = await site("b", 65_002, 9, { asn: 65_001, address: "192.0.2.17" });
    return { lab, a, b };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

describe.skipIf(problem !== null)(titleOrSkip("two sites at FRR", problem), () => {
  const track = labTracker();
  const [WEB_A, WEB_B, DNS, DB] = ["203.0.113.10/32", "203.0.113.74/32", "198.51.100.53/32", "198.51.100.130/32"];

  test("each site has its own routes, the other's behind them; when site a is gone, site b serves what fails over", async () => {
    const { a, b } = track(await twoSites());
    const logs = [...a.nodes, ...b.nodes, a.router, b.router];
    await Promise.all([
      tableBecomes(
        a.router,
        [
          `${WEB_A} > from 192.0.2.2 pref 100`,
          `${WEB_A} from 192.0.2.3 pref 100`,
          `${DNS} from 192.0.2.18`, // the other site's, which is further away
          `${DNS} > from 192.0.2.2 pref 100`, // a2 has no ready endpoint, and the policy is Local
          `${DB} > from 192.0.2.2 pref 200`, // the first node alone is labelled for it
          `${WEB_B} > from 192.0.2.18`,
        ],
        logs,
        20_000,
      ),
      tableBecomes(
        b.router,
        [
          `${WEB_B} > from 192.0.2.10 pref 100`,
          `${WEB_B} from 192.0.2.11 pref 100`,
          `${DNS} from 192.0.2.17`,
          `${DNS} > from 192.0.2.10 pref 100`,
          `${DNS} from 192.0.2.11 pref 100`,
          `${DB} > from 192.0.2.17`,
          `${DB} from 192.0.2.10 pref 50`,
          `${WEB_A} > from 192.0.2.17`,
        ],
        logs,
        20_000,
      ),
    ]);
    for (const { router, nodeAddresses } of [a, b]) {
      for (const address of nodeAddresses) {
        expect(await router.peer(address)).toMatchObject({
          holdTimeMs: 3_000,
          keepaliveMs: 1_000,
          established: 1,
          dropped: 0,
        });
        await waitFor(
          `BFD at ${router.name}`,
          () => bfdPeer(router, address),
          (p) => p?.status === "up" && p.remoteDetectMult === 3,
          { logs },
        );
      }
    }

    for (const node of a.nodes) node.process.signal("SIGKILL");
    const since = performance.now();
    await Promise.all([
      tableBecomes(
        a.router,
        [`${DNS} > from 192.0.2.18`, `${DB} > from 192.0.2.18`, `${WEB_B} > from 192.0.2.18`],
        logs,
      ),
      tableBecomes(
        b.router,
        [
          `${WEB_B} > from 192.0.2.10 pref 100`,
          `${WEB_B} from 192.0.2.11 pref 100`,
          `${DNS} > from 192.0.2.10 pref 100`,
          `${DNS} from 192.0.2.11 pref 100`,
          `${DB} > from 192.0.2.10 pref 50`,
        ],
        logs,
      ),
    ]);
    expect(performance.now() - since).toBeLessThan(8_000);
    expect(await b.router.peer("192.0.2.10")).toMatchObject({ established: 1, dropped: 0 });
  });
});

// The whole program through hundreds of random edits of its manifests, none of which a session may notice: FRR counts one session at the
// end, as old as at the start, and has the table that the plain reference computes from the files as they then are.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import type { JsonObject } from "../../lab/routes.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { decideAll } from "../../src/announce/reference.ts";
import { PeerName } from "../../src/kernel/units.ts";
import { ObjectSet } from "../../src/sources/objectSet.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import { seeded } from "../bgp/sim/world.ts";
import {
  advertisement,
  bgpPeer,
  communities,
  established,
  labTracker,
  Manifests,
  NODE,
  peersOf,
  pool,
  service,
  startSpeaker,
} from "./support.ts";

const problem = labProblem();
const EDITS = 240;
const SEED = Number(process.env.VIPCAST_SIM_SEED ?? 1);

/** Prefixes with their communities, as the plain reference has them for the files of a directory. */
function referenceOf(dir: string): readonly string[] {
  const store = new ObjectStore();
  const set = new ObjectSet(store);
  for (const name of readdirSync(dir).sort()) set.setFile(name, readFileSync(join(dir, name)));
  const options = { nodeName: NODE, lbClass: "", ignoreExcludeLb: false, routerId: null };
  const routes = decideAll(store, options).routes.get(PeerName("tor")) ?? new Map();
  return [...routes]
    .map(
      ([prefix, r]) =>
        `${prefix} ${r.attributes.communities.map((c: number) => `${c >>> 16}:${c & 0xffff}`).join(" ")}`,
    )
    .sort();
}

describe.skipIf(problem !== null)(titleOrSkip("random edits at FRR", problem), () => {
  const track = labTracker();

  test(`${EDITS} edits that change neither OPEN nor socket leave the session alone, seed ${SEED}`, async () => {
    const t = track(await oneRouter());
    const manifests = new Manifests(t.speaker);
    const random = seeded(SEED);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random.next() * values.length)] as T;
    const number = (below: number): number => Math.floor(random.next() * below);
    const peer = (annotations: Readonly<Record<string, string>>, spec: JsonObject): void =>
      manifests.write("peers.yaml", bgpPeer(t, { spec, annotations }));
    peer({}, {});
    manifests.write("pool.yaml", pool(), advertisement());
    for (let n = 0; n < 20; n++) manifests.write(`s${n}.yaml`, ...service(`s${n}`, `198.51.100.${n}`));
    const vipcast = startSpeaker(t.speaker, manifests);
    await established(t, [vipcast]);
    const before = (await peersOf(vipcast)).get("tor");

    const edits: readonly (() => void)[] = [
      () =>
        manifests.write(
          `s${number(20)}.yaml`,
          ...service(`s${number(20)}`, `198.51.100.${number(40)}`, {
            conditions: { ready: pick([true, false]) },
            policy: pick(["Local", "Cluster"]),
            labels: { tier: pick(["gold", "tin"]) },
          }),
        ),
      () => manifests.write(`s${number(20)}.yaml`),
      () =>
        manifests.write(
          "pool.yaml",
          pool(pick([["198.51.100.0/24"], ["198.51.100.0/28"], ["198.51.100.0/28", "198.51.100.16/28"]])),
          advertisement({ aggregationLength: pick([32, 28]), communities: pick([[], ["65001:1"], ["alias"]]) }),
        ),
      () =>
        manifests.write(
          "more.yaml",
          advertisement({ serviceSelectors: [{ matchLabels: { tier: "gold" } }], communities: ["65001:2"] }, "gold"),
        ),
      () => manifests.write("more.yaml"),
      () => manifests.write("names.yaml", communities({ alias: pick(["65001:8", "65001:9", "rubbish"]) })),
      () => manifests.writeText("rubbish.yaml", pick(["a: [", "kind: BGPPeer\n", "# nothing\n"])),
      () =>
        peer(
          pick([{}, { "max-prefixes": "5000" }, { "send-hold-time": "60" }, { "keep-received": "true" }]),
          pick([
            {},
            { connectTime: "3s" },
            { connectTime: "7s" },
            { nodeSelectors: [{ matchLabels: { "kubernetes.io/hostname": NODE } }] },
            { disableMP: true },
          ]),
        ),
      () => peer({}, { holdTime: "1s" }), // refused: the last good version stays in force
      () =>
        manifests.write("node.yaml", {
          apiVersion: "v1",
          kind: "Node",
          metadata: { name: "another", labels: { rack: pick(["1", "2"]) } },
        }),
    ];
    for (let n = 0; n < EDITS; n++) {
      pick(edits)();
      await sleep(number(30));
    }
    // a last one with what is good everywhere, so that the files alone say what is in force
    peer({}, {});
    manifests.write("names.yaml", communities({ alias: "65001:8" }));
    manifests.write("pool.yaml", pool(), advertisement({ communities: ["alias"] }));
    manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.200"));

    const wanted = referenceOf(manifests.dir);
    expect(wanted.length).toBeGreaterThan(5);
    await waitFor(
      `FRR to have ${wanted.join(", ")}`,
      async () =>
        [...(await t.router.bgpRoutes()).values()]
          .flat()
          .map((r) => `${r.prefix} ${r.communities.join(" ")}`)
          .sort(),
      (seen) => JSON.stringify(seen) === JSON.stringify(wanted),
      { logs: [vipcast], timeoutMs: 10_000, everyMs: 100 },
    );
    expect(await t.router.peer(t.speakerAddress)).toMatchObject({ established: 1, dropped: 0 });
    expect((await peersOf(vipcast)).get("tor")).toMatchObject({ state: "Established", since: before?.since });
  });
});

// Two sites with a SitePolicy each and a vipcast as their witness: loss of the preferred site, its return, a restart of the witness, promote,
// demote.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { Host } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { listAt, objectAt } from "../../lab/routes.ts";
import { CABLES, SITE_ASN, WITNESS_ASN, witnessStar } from "../../lab/topologies/witnessStar.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import {
  advertisement,
  bgpPeer,
  labTracker,
  type Manifest,
  Manifests,
  type PeerOptions,
  pool,
  service,
  startSpeaker,
  VIP,
} from "./support.ts";

const problem = labProblem();
/** `takeoverDelay` where nothing is said. */
const TAKEOVER_MS = 1_000;

const peer = (routerAddress: string, routerAsn: number, options: PeerOptions): Manifest =>
  bgpPeer(
    { routerAsn, routerAddress },
    { holdTime: "3s", spec: { keepaliveTime: "1s", ebgpMultiHop: true }, ...options },
  );

const policy = (site: string, siteID: number): Manifest => ({
  apiVersion: "vipcast.io/v1alpha1",
  kind: "SitePolicy",
  metadata: { name: "web", namespace: "metallb-system" },
  spec: {
    site,
    siteID,
    rank: siteID,
    whenNotPreferred: "conditional",
    ownership: { asn: 65_000 },
    witnesses: ["witness"],
    startupGuard: "10s",
  },
});

function startSite(host: Host, name: "north" | "south", siteId: number): () => Vipcast {
  const manifests = new Manifests(host);
  manifests.write("peer.yaml", peer(CABLES[name].witness, WITNESS_ASN, { name: "witness", myAsn: SITE_ASN }));
  manifests.write("pool.yaml", pool(), advertisement(), policy(name, siteId));
  manifests.write("web.yaml", ...service("web", VIP));
  return () => startSpeaker(host, manifests, { nodeName: name, extraArgs: ["--router-id", CABLES[name].own] });
}

function witnessOn(host: Host): () => Vipcast {
  const manifests = new Manifests(host);
  const peers = (["north", "south"] as const).map((n) =>
    peer(CABLES[n].own, SITE_ASN, { name: n, myAsn: WITNESS_ASN, annotations: { opens: "peer" } }),
  );
  manifests.write("peers.yaml", ...peers);
  const extraArgs = ["--witness", "--listen", "0.0.0.0:179", "--router-id", "192.0.2.10"];
  return () => startSpeaker(host, manifests, { extraArgs });
}

async function policyOf(vipcast: Vipcast): Promise<unknown> {
  const answer = JSON.parse(await vipcast.cli("site", "status", "--json", "--socket", vipcast.socket));
  return listAt(objectAt(answer).policies)[0];
}

/** State of the one prefix. */
async function stateOf(vipcast: Vipcast): Promise<string> {
  const first = await policyOf(vipcast);
  const [prefix] = first === undefined ? [] : listAt(objectAt(first).prefixes);
  return prefix === undefined ? "idle" : String(objectAt(prefix).state);
}

describe.skipIf(problem !== null)(titleOrSkip("two sites with a SitePolicy", problem), () => {
  const track = labTracker();

  test("the preferred site serves, is lost, comes back and waits, and is promoted", async () => {
    const t = track(await witnessStar());
    const startWitness = witnessOn(t.witness);
    let witness = startWitness();
    const [startNorth, startSouth] = [startSite(t.north, "north", 1), startSite(t.south, "south", 2)];
    let north = startNorth();
    const south = startSouth();
    const becomes = (who: Vipcast, wanted: string) =>
      waitFor(
        `${who.name} to be ${wanted}`,
        () => stateOf(who),
        (state) => state === wanted,
        { logs: [north, south, witness], timeoutMs: 20_000 },
      );
    await becomes(north, "active");
    await becomes(south, "standby");

    await north.stop("SIGKILL");
    const lostAt = performance.now();
    await becomes(south, "active");
    // the witness sees the connection end at once; then the takeover delay
    expect(performance.now() - lostAt).toBeGreaterThan(0.9 * TAKEOVER_MS);
    expect(performance.now() - lostAt).toBeLessThan(8_000);

    north = startNorth();
    await becomes(north, "standby");
    // the first process, then the second one: nothing was announced for a moment
    const moves = () =>
      north
        .logs()
        .filter((line) => line.event === "siteState")
        .map((line) => line.to);
    expect(moves()).toEqual(["guarded", "active", "guarded", "standby"]);
    const said = await north.cli("site", "status", "--socket", north.socket);
    expect(said).toMatch(/site north stands by: site 2 with rank 2, epoch \d+ serves/);
    expect(await stateOf(south)).toBe("active");

    // the witness is restarted as planned: north, which announces where it is blind and knows of nobody, remembers south
    const sees = (view: string) =>
      waitFor(
        `north to be ${view}`,
        () => policyOf(north),
        (policy) => objectAt(policy).view === view,
        { logs: [north, south, witness], timeoutMs: 20_000 },
      );
    expect(await witness.stop()).toMatchObject({ code: 0, forced: false });
    await sees("blind");
    await sleep(2 * TAKEOVER_MS);
    witness = startWitness();
    await sees("sighted");
    expect(moves()).toEqual(["guarded", "active", "guarded", "standby"]);
    expect(await stateOf(south)).toBe("active");

    await north.cli("site", "promote", "--socket", north.socket);
    await becomes(north, "active");
    await becomes(south, "leaving");
    await becomes(south, "standby");

    await north.cli("site", "demote", "--socket", north.socket);
    await becomes(south, "active");
    await becomes(north, "standby");
    expect(await north.metric('vipcast_site_prefixes{policy="metallb-system/web",state="standby"}')).toBe(1);
  }, 90_000);
});

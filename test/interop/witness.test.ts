// The witness between two sites: a vipcast in that role, and an FRR configured as docs/disaster-recovery.md says. Two speakers
// claim by communities of their advertisements, and look at what comes back.
import { describe, expect, test } from "vitest";
import { type Frr, startFrr } from "../../lab/frr.ts";
import type { Host } from "../../lab/lab.ts";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { listAt, objectAt } from "../../lab/routes.ts";
import {
  CABLES,
  ROUTER_ASN,
  SITE_ASN,
  WITNESS_ASN,
  WITNESS_KEY,
  witnessStar,
} from "../../lab/topologies/witnessStar.ts";
import type { Vipcast } from "../../lab/vipcast.ts";
import { type LogSource, waitFor } from "../../lab/waitFor.ts";
import { FRR_WITNESS } from "../../lab/witnessConfig.ts";
import { Asn } from "../../src/kernel/units.ts";
import { encodeClaim } from "../../src/site/model.ts";
import {
  advertisement,
  bgpPeer,
  labTracker,
  type Manifest,
  Manifests,
  type PeerOptions,
  pool,
  ROUTE,
  service,
  startSpeaker,
  VIP,
} from "./support.ts";

const problem = labProblem();
const CLAIM_ASN = Asn(65_000);

const secret: Manifest = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "witness-key", namespace: "metallb-system" },
  type: "kubernetes.io/basic-auth",
  stringData: { password: WITNESS_KEY },
};

const peer = (routerAddress: string, routerAsn: number, options: PeerOptions): Manifest => {
  const spec = { ebgpMultiHop: true, passwordSecret: { name: "witness-key" } };
  return bgpPeer({ routerAsn, routerAddress }, { holdTime: "60s", spec, ...options });
};

const claim = (siteId: number, rank: number): readonly string[] =>
  encodeClaim(CLAIM_ASN, { siteId, rank, epoch: 4, state: "active", node: siteId }).map(
    (c) => `large:${c.globalAdmin}:${c.local1}:${c.local2}`,
  );

interface Speaker {
  readonly vipcast: Vipcast;
  readonly manifests: Manifests;
}

function speaker(host: Host, name: "north" | "south", siteId: number, rank: number): Speaker {
  const manifests = new Manifests(host);
  const terms = { name: "witness", myAsn: SITE_ASN, annotations: { "keep-received": "true" } };
  manifests.write("peer.yaml", secret, peer(CABLES[name].witness, WITNESS_ASN, terms));
  manifests.write("pool.yaml", pool(), advertisement({ communities: claim(siteId, rank) }));
  manifests.write("web.yaml", ...service("web", VIP));
  return { vipcast: startSpeaker(host, manifests, { extraArgs: ["--router-id", CABLES[name].own] }), manifests };
}

function vipcastWitness(host: Host): Vipcast {
  const manifests = new Manifests(host);
  const ends = [
    ["north", SITE_ASN],
    ["south", SITE_ASN],
    ["router", ROUTER_ASN],
  ] as const;
  manifests.write(
    "peers.yaml",
    secret,
    ...ends.map(([name, asn]) =>
      peer(CABLES[name].own, asn, { name, myAsn: WITNESS_ASN, annotations: { opens: "peer" } }),
    ),
  );
  // of no effect here: a witness originates nothing
  manifests.write("web.yaml", pool(["203.0.113.0/24"]), advertisement(), ...service("own", "203.0.113.7"));
  return startSpeaker(host, manifests, {
    extraArgs: ["--witness", "--listen", "0.0.0.0:179", "--router-id", "192.0.2.10"],
  });
}

/** Large communities of the routes to ROUTE that a speaker hears, one text per route; with its path. */
async function heard({ vipcast }: Speaker): Promise<readonly string[]> {
  const answer = JSON.parse(await vipcast.cli("routes", "--received", "--json", "--socket", vipcast.socket));
  const { routes } = objectAt(objectAt(objectAt(answer).peers).witness);
  return listAt(routes)
    .map((r) => objectAt(r))
    .map((r) => `${r.prefix} [${r.asPath}] ${listAt(r.largeCommunities).join(" ")}${r.isLoop === true ? " loop" : ""}`);
}

const hears = (
  who: Speaker,
  what: string,
  accept: (routes: readonly string[]) => boolean,
  logs: readonly LogSource[],
) => waitFor(what, () => heard(who), accept, { logs: [who.vipcast, ...logs], timeoutMs: 20_000 });

const of = (siteId: number, rank: number): string =>
  claim(siteId, rank)
    .map((c) => c.slice("large:".length))
    .join(" ");

describe.skipIf(problem !== null)(titleOrSkip("a witness between two sites", problem), () => {
  const track = labTracker();

  test("vipcast: each side hears the other's claim, sees it go with its session, and no router can use it", async () => {
    const t = track(await witnessStar());
    const witness = vipcastWitness(t.witness);
    const north = speaker(t.north, "north", 1, 1);
    const south = speaker(t.south, "south", 2, 2);
    const logs = [witness];
    const path = `${WITNESS_ASN} ${SITE_ASN}`;
    await hears(north, "north to hear of south", (r) => r[0] === `${ROUTE} [${path}] ${of(2, 2)} loop`, logs);
    await hears(south, "south to hear of north", (r) => r[0] === `${ROUTE} [${path}] ${of(1, 1)} loop`, logs);
    expect(await heard(north)).toHaveLength(1); // nothing else: not its own claim, nothing of the witness

    // the router has the session, and nothing that it could use or pass on, although it is told
    const { router } = t;
    const session = await waitFor(
      "the router's session",
      () => router.peer(CABLES.router.witness),
      (p) => p.state === "Established",
    );
    expect(await router.route(ROUTE)).toEqual([]);
    const told = objectAt(
      JSON.parse(await witness.cli("routes", "--json", "--peer", "router", "--socket", witness.socket)),
    );
    expect(listAt(objectAt(objectAt(told.peers).router).routes)).toMatchObject([
      {
        prefix: ROUTE,
        source: "witness",
        communities: ["no-advertise"],
        largeCommunities: `${of(1, 1)} ${of(2, 2)}`.split(" ").sort(),
      },
    ]);
    await waitFor(
      "the router to be told",
      () => router.peer(CABLES.router.witness),
      (p) => (p.messages.updatesRecv ?? 0) > 0,
    );
    expect(session.accepted).toBe(0);

    // a changed claim is told as it changes
    south.manifests.write("pool.yaml", pool(), advertisement({ communities: claim(2, 0) }));
    await hears(north, "north to hear of the promoted south", (r) => r[0]?.includes(of(2, 0)) === true, logs);
    expect(await witness.metric("vipcast_witnessed_routes")).toBe(2);

    // the session goes, and with it the claim; End-of-RIB is not given to north again before south is back or long away
    const killedAt = performance.now();
    await south.vipcast.stop("SIGKILL");
    await hears(north, "north to hear of south no more", (r) => r.length === 0, logs);
    expect(performance.now() - killedAt).toBeLessThan(10_000); // not by the hold time
    expect(await witness.stop()).toMatchObject({ code: 0, forced: false });
  }, 60_000);

  test("FRR, as the documentation configures it: both sides hear the claim with the better rank", async () => {
    const t = track(await witnessStar());
    const neighbors = [CABLES.north.own, CABLES.south.own];
    const bgpd = FRR_WITNESS({
      asn: WITNESS_ASN,
      routerId: "192.0.2.10",
      siteAsn: SITE_ASN,
      claimAsn: CLAIM_ASN,
      key: WITNESS_KEY,
      neighbors,
    });
    const witness: Frr = await startFrr(t.witness, { bgpd });
    const north = speaker(t.north, "north", 1, 1);
    const south = speaker(t.south, "south", 2, 2);
    await hears(south, "south to hear of north", (r) => r.some((x) => x.includes(of(1, 1)) && x.endsWith("loop")), [
      witness,
    ]);
    // FRR tells one path, to all of them: the worse claim is not heard, and one's own comes back
    expect(await heard(north)).toEqual([expect.stringContaining(of(1, 1))]);
    south.manifests.write("pool.yaml", pool(), advertisement({ communities: claim(2, 0) }));
    await hears(north, "north to hear of the promoted south", (r) => r.some((x) => x.includes(of(2, 0))), [witness]);
    await hears(south, "south to hear of nobody better", (r) => r.every((x) => x.includes(of(2, 0))), [witness]);
    await south.vipcast.stop("SIGKILL");
    await hears(north, "north to hear of south no more", (r) => r.length > 0 && r.every((x) => x.includes(of(1, 1))), [
      witness,
    ]);
  }, 60_000);
});

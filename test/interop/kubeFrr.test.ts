// A cluster, end to end: objects at an API server become routes in a real FRR, whatever happens to the server and the way to it. At rest
// FRR's table is what the reference function says of the server's objects, and the session is the one there was from the start.
// VIPCAST_KUBE_FLIPS=1000 flips that often, VIPCAST_KUBE_SEED repeats a run, VIPCAST_KUBE_AWAY_S says how long the server is away.
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { KubeChurn } from "./kubeChurn.ts";
import { HOME, type KubeStage, kubeStage, node, startAtRest } from "./kubeStage.ts";
import {
  advertisement,
  bgpPeer,
  communities,
  established,
  goneAt,
  labTracker,
  logLine,
  type Manifest,
  pool,
  prefixesAt,
  routeAt,
  service,
} from "./support.ts";

const problem = labProblem();
const FLIPS = Number(process.env.VIPCAST_KUBE_FLIPS ?? "150");
const SEED = Number(process.env.VIPCAST_KUBE_SEED ?? String(Date.now() % 1_000_000));
const AWAY_S = Number(process.env.VIPCAST_KUBE_AWAY_S ?? "4");

const secret = (password: string, type = "kubernetes.io/basic-auth"): Manifest => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "tor", namespace: HOME },
  type,
  data: { password: Buffer.from(password).toString("base64") },
});

describe.skipIf(problem !== null)(titleOrSkip("a cluster and FRR", problem), () => {
  const track = labTracker();
  const stageWith = async (...objects: readonly Manifest[]): Promise<KubeStage> => {
    const stage = track(await kubeStage());
    await stage.api.apply(bgpPeer(stage), pool(), advertisement({ communities: ["65001:1"] }), ...objects);
    return stage;
  };

  test(
    `${FLIPS} random changes of endpoints and all else, with faults of the server in between (seed ${SEED})`,
    async () => {
      const stage = await stageWith();
      const churn = new KubeChurn(stage.api, SEED);
      await churn.begin();
      const vipcast = await startAtRest(stage);
      let checks = 0;
      for (let n = 1; n <= FLIPS; n++) {
        await churn.change();
        if (n % 12 === 0) await churn.fault();
        if (n % 75 !== 0 && n !== FLIPS) continue;
        await churn.calm();
        await stage.atRest(vipcast, 75_000);
        checks++;
      }
      expect((await stage.expected()).length).toBeGreaterThan(0);
      await stage.neverReset();
      // every kind of fault was there, and the speaker met it
      const errors = (await vipcast.metrics()).split("\n").filter((l) => l.startsWith("vipcast_kube_errors_total{"));
      const codes = new Set(errors.map((l) => /code="([^"]+)"/.exec(l)?.[1]));
      for (const code of ["429", "500", "connection"]) expect(codes).toContain(code);
      const lists = await vipcast.metric('vipcast_kube_lists_total{resource="endpointslices.discovery.k8s.io"}');
      process.stdout.write(`${churn.summary()}; ${checks} times at rest; slices listed ${lists} times\n`);
    },
    120_000 + FLIPS * 1_000,
  );

  test("the server is away: nothing is withdrawn, and what changed meanwhile arrives after", async () => {
    const stage = await stageWith(
      ...service("stays", "198.51.100.1"),
      ...service("drained", "198.51.100.2"),
      ...service("deleted", "198.51.100.3"),
    );
    const vipcast = await startAtRest(stage);
    const before = await stage.seen();
    const updates = async () => (await stage.router.peer(stage.speakerAddress)).messages.updatesRecv;
    const heard = await updates();
    await stage.api.stop();
    await stage.api.apply(...service("drained", "198.51.100.2", { conditions: { ready: false } }));
    await stage.api.delete("Service", "default", "deleted");
    await stage.api.delete("EndpointSlice", "default", "deleted-1");
    await stage.api.apply(...service("new", "198.51.100.4"));
    await sleep(AWAY_S * 1000); // that nothing happens has no event
    expect(await stage.seen()).toEqual(before);
    expect(await updates()).toBe(heard);
    await stage.api.listen();
    await stage.atRest(vipcast, 40_000);
    expect(await prefixesAt(stage)).toEqual(["198.51.100.1/32", "198.51.100.4/32"]);
    await stage.neverReset();
    // resumed where it was: what did not change was not sent again
    expect(await vipcast.metric('vipcast_kube_lists_total{resource="services"}')).toBe(1);
  });

  test("a Secret that changes is the key of the next connection, and one of another type is none", async () => {
    const stage = track(await kubeStage({ neighborLines: ["password first"] }));
    const peer = bgpPeer(stage, { spec: { passwordSecret: { name: "tor" }, connectTime: "1s" } });
    await stage.api.apply(peer, pool(), advertisement(), secret("first"), ...service("web", "198.51.100.1"));
    const vipcast = await startAtRest(stage);
    await stage.router.configure(["router bgp 65002", `neighbor ${stage.speakerAddress} password second`]);
    await stage.api.apply(secret("second"));
    await routeAt(stage, "198.51.100.1/32", [vipcast]);
    const changed = async () => (await stage.router.peer(stage.speakerAddress)).established;
    await waitFor("the session with the new key", changed, (n) => n >= 2, { timeoutMs: 20_000, logs: [vipcast] });
    // the type of a Secret cannot be changed: it is another one of the same name
    await stage.api.delete("Secret", HOME, "tor");
    await stage.api.apply(secret("second", "Opaque"));
    const line = await logLine(vipcast, "the Secret's type", (l) => String(l.msg).includes("kubernetes.io/basic-auth"));
    expect(JSON.stringify(line)).not.toContain("second");
    await goneAt(stage, "198.51.100.1/32", [vipcast], 20_000);
    await stage.api.delete("Secret", HOME, "tor");
    await stage.api.apply(secret("second"));
    await routeAt(stage, "198.51.100.1/32", [vipcast]);
    expect(vipcast.process.output()).not.toMatch(/"(first|second)"/);
  });

  test("a role that loses one kind: told with the rule that is missing, and the rest works", async () => {
    const stage = await stageWith(communities({ blue: "65001:7" }), ...service("web", "198.51.100.1"));
    const vipcast = await startAtRest(stage);
    const forbidden = await stage.api.forbid({ resource: "communities" });
    await stage.api.closeWatches("communities");
    const line = await logLine(
      vipcast,
      "the permission",
      (l) => String(l.msg).includes("no permission to watch communities.metallb.io"),
      { timeoutMs: 20_000 },
    );
    expect(JSON.stringify(line)).toContain('apiGroups: [\\"metallb.io\\"], resources: [\\"communities\\"]');
    await stage.api.apply(...service("more", "198.51.100.2"), advertisement({ communities: ["blue"] }));
    await stage.atRest(vipcast);
    expect(await stage.seen()).toEqual(["198.51.100.1/32 65001:7", "198.51.100.2/32 65001:7"]);
    await stage.api.disarm(forbidden);
    await stage.api.apply(communities({ blue: "65001:8" }));
    vipcast.reload(); // what only an operator can mend is looked at once a minute, and on SIGHUP at once
    await stage.atRest(vipcast);
    expect(await stage.seen()).toContain("198.51.100.1/32 65001:8");
    await stage.neverReset();
  });

  test("a kind that the server learns later counts from then on", async () => {
    const stage = await stageWith(...service("web", "198.51.100.1"));
    await stage.api.delete("CustomResourceDefinition", "", "communities.metallb.io");
    const vipcast = await startAtRest(stage);
    await logLine(vipcast, "the missing kind", (l) => String(l.msg).includes("has no communities.metallb.io"));
    await stage.api.applyDefinitions("metallb");
    await stage.api.apply(communities({ blue: "65001:7" }), advertisement({ communities: ["blue"] }));
    vipcast.reload();
    await stage.atRest(vipcast);
    expect(await stage.seen()).toEqual(["198.51.100.1/32 65001:7"]);
    await stage.neverReset();
  });

  test("labels of our node and of services choose anew", async () => {
    const stage = await stageWith(...service("web", "198.51.100.1", { labels: { tier: "front" } }));
    const nodeSelectors = [{ matchLabels: { rack: "a" } }];
    const serviceSelectors = [{ matchLabels: { tier: "front" } }];
    const onRack = advertisement({ nodeSelectors, serviceSelectors });
    await stage.api.apply(onRack);
    const vipcast = stage.start();
    await established(stage, [vipcast]);
    await stage.atRest(vipcast);
    expect(await stage.seen()).toEqual([]);
    await stage.api.apply(node({ rack: "a" }));
    await routeAt(stage, "198.51.100.1/32", [vipcast]);
    await stage.api.apply(...service("web", "198.51.100.1", { labels: { tier: "back" } }));
    await goneAt(stage, "198.51.100.1/32", [vipcast]);
    await stage.api.apply(...service("web", "198.51.100.1", { labels: { tier: "front" } }));
    await routeAt(stage, "198.51.100.1/32", [vipcast]);
    await stage.api.apply(node({ rack: "b" }));
    await goneAt(stage, "198.51.100.1/32", [vipcast]);
    await stage.neverReset();
  });
});

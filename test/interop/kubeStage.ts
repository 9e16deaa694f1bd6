// A cluster in a lab: API server, speaker and FRR router, each on a host of its own. Owns the cable between speaker and API server, the
// speaker's account with the role that config/rbac gives it, and the table that ought to be at the router.
// Contract: what ought to be comes from the objects the server holds and the reference function alone, not from anything the speaker says.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { LabApiServer } from "../../lab/apiServer.ts";
import type { Host } from "../../lab/lab.ts";
import type { LabProcess } from "../../lab/process.ts";
import { type OneRouter, type OneRouterOptions, oneRouter } from "../../lab/topologies/oneRouter.ts";
import { startVipcast, type Vipcast } from "../../lab/vipcast.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { decideAll } from "../../src/announce/reference.ts";
import { formatCommunity } from "../../src/bgp/wire/registry.ts";
import { ClusterObjects } from "../../src/kube/clusterObjects.ts";
import { keyOf, WATCHED } from "../../src/kube/resources.ts";
import { ObjectStore } from "../../src/sources/store.ts";
import { serviceAccount } from "../kube/access.ts";
import { established, type Manifest, NODE } from "./support.ts";

export const HOME = "metallb-system";
const API_ADDRESS = "203.0.113.2";
const tokenOf = (program: "speaker" | "controller"): string => `the-token-of-the-${program}`;

/** A route as far as the reference function knows it: prefix, then communities in ascending order. */
export type Essence = readonly string[];

export interface KubeStage extends OneRouter {
  readonly api: LabApiServer;
  readonly apiHost: Host;
  /** Starts the speaker with the cluster as its source. */
  start(...extraArgs: readonly string[]): Vipcast;
  /** Starts a controller beside the API server. */
  startController(...extraArgs: readonly string[]): LabProcess;
  /** What the objects of the server amount to, for this node and its peer. */
  expected(): Promise<Essence>;
  /** What FRR has. */
  seen(): Promise<Essence>;
  /** Resolves when FRR's table is what the server's objects amount to. @throws WaitError with both tables */
  atRest(vipcast: Vipcast, timeoutMs?: number): Promise<void>;
  /** @throws AssertionError unless the one session that there was from the start is there still */
  neverReset(): Promise<void>;
}

export const node = (labels: Readonly<Record<string, string>> = {}): Manifest => ({
  apiVersion: "v1",
  kind: "Node",
  metadata: { name: NODE, labels },
  status: { addresses: [{ type: "InternalIP", address: "192.0.2.1" }] },
});

export async function kubeStage(options: OneRouterOptions = {}): Promise<KubeStage> {
  const router = await oneRouter(options);
  const { lab, speaker } = router;
  try {
    const apiHost = lab.host("api");
    lab.link(speaker, apiHost, { addressA: "203.0.113.1/30", addressB: `${API_ADDRESS}/30` });
    const start = (command: readonly string[]) => {
      const [program = "", ...args] = command;
      return apiHost.spawn(program, args, { name: "api" });
    };
    const tokens = {
      [tokenOf("speaker")]: serviceAccount(HOME, "vipcast-speaker"),
      [tokenOf("controller")]: serviceAccount(HOME, "vipcast-controller"),
    };
    const api = await LabApiServer.start(
      { dir: apiHost.dir, start },
      { address: API_ADDRESS, tokens, bookmarkEveryMs: 500 },
    );
    await api.applyDefinitions("metallb", "vipcast");
    await api.applyFile("config/rbac/speaker/rbac.yaml", HOME);
    await api.applyFile("config/rbac/controller/rbac.yaml", HOME);
    await api.apply(node());
    const kubeconfig = writeKubeconfig(speaker, await api.url(), tokenOf("speaker"));
    const controllers = writeKubeconfig(apiHost, await api.url(), tokenOf("controller"));
    const stage = { ...router, api, apiHost };
    return {
      ...stage,
      start: (...extraArgs) => startVipcast(speaker, { kubeconfig, nodeName: NODE, extraArgs }),
      startController: (...extraArgs) => {
        const args = [
          join(import.meta.dirname, "..", "..", "dist", "main.js"),
          "controller",
          "--kubeconfig",
          controllers,
          ...extraArgs,
        ];
        return apiHost.spawn(process.execPath, args, { name: "controller" });
      },
      expected: () => expectedOf(api),
      seen: () => seenAt(router),
      atRest: (vipcast, timeoutMs = 20_000) => atRest(stage, vipcast, timeoutMs),
      neverReset: async () => {
        const { state, established: times, dropped } = await router.router.peer(router.speakerAddress);
        expect({ state, times, dropped }).toEqual({ state: "Established", times: 1, dropped: 0 });
      },
    };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Starts the speaker and waits for its session. */
export async function startAtRest(stage: KubeStage, ...extraArgs: readonly string[]): Promise<Vipcast> {
  const vipcast = stage.start(...extraArgs);
  await established(stage, [vipcast, stage.api]);
  await stage.atRest(vipcast);
  return vipcast;
}

async function expectedOf(api: LabApiServer): Promise<Essence> {
  const store = new ObjectStore();
  const objects = new ClusterObjects(store, HOME);
  for (const { resource, scope } of WATCHED) {
    const all = await api.list(resource.kind).catch(() => []); // a kind that the server does not have
    for (const object of all.filter((o) => scope === "cluster" || o.metadata.namespace === HOME))
      objects.put(resource, keyOf(object) ?? "", object);
  }
  const { routes } = decideAll(store, { nodeName: NODE, lbClass: "", ignoreExcludeLb: false, routerId: null });
  const tables = [...routes.values()];
  if (tables.length > 1) throw new Error("the stage has one peer");
  const entries = [...(tables[0] ?? [])];
  return entries.map(([prefix, { attributes }]) => essence(prefix, attributes.communities.map(formatCommunity))).sort();
}

async function seenAt({ router }: OneRouter): Promise<Essence> {
  const table = await router.bgpRoutes();
  return [...table].flatMap(([prefix, paths]) => paths.map((path) => essence(prefix, path.communities))).sort();
}

const essence = (prefix: string, communities: readonly string[]): string =>
  [prefix, ...[...communities].sort()].join(" ");

async function atRest(
  stage: OneRouter & { readonly api: LabApiServer },
  vipcast: Vipcast,
  timeoutMs: number,
): Promise<void> {
  const expected = await expectedOf(stage.api);
  const differences = async () => {
    const seen = new Set(await seenAt(stage));
    return { missing: expected.filter((e) => !seen.has(e)), tooMuch: [...seen].filter((e) => !expected.includes(e)) };
  };
  await waitFor(
    "FRR's table to be what the server's objects amount to",
    differences,
    ({ missing, tooMuch }) => missing.length + tooMuch.length === 0,
    { timeoutMs, logs: [vipcast, stage.api] },
  );
}

/** The account's token is in a file, as in a pod. */
function writeKubeconfig(host: Host, server: string, token: string): string {
  host.writeFile("token", token);
  const file = join(host.dir, "kubeconfig");
  const config = {
    "current-context": "lab",
    contexts: [{ name: "lab", context: { cluster: "lab", user: "program" } }],
    clusters: [{ name: "lab", cluster: { server } }],
    users: [{ name: "program", user: { tokenFile: "token" } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

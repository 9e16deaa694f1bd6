// A shadow as a daemon against the API server for tests: what it tells, and what of it is ever seen from outside. Real sockets and clocks.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listenBelow } from "../../lab/listenBelow.ts";
import { NODE, oneService } from "../../lab/oneService.ts";
import type { Daemon } from "../../src/app/daemon.ts";
import { realClock } from "../../src/app/realTime.ts";
import { SHADOW_GRACE, SHADOWED } from "../../src/app/shadowing.ts";
import { metricsInput } from "../../src/app/views.ts";
import { ask } from "../../src/commands/ask.ts";
import { shadow } from "../../src/commands/shadow.ts";
import { SHADOW_PERMISSIONS } from "../../src/kube/permissions.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import type { ShadowReport } from "../../src/observe/shadowView.ts";
import { serviceAccount } from "../kube/access.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { install } from "../kube/install.ts";
import { makeDaemon, servePages } from "./daemonUnderTest.ts";

const HOME = "metallb-system";

const ROUTER = "127.0.0.2";

let api: ApiServer;
let directory = "";
/** The router: whoever connects is counted. */
let router: Server;
let callers = 0;
let port = 0;
let lines: string[] = [];
let ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  [callers, lines, ends] = [0, [], []];
  directory = mkdtempSync(join(tmpdir(), "shadow-"));
  router = createServer(() => callers++);
  port = await listenBelow(router, ROUTER);
  api = await startApiServer({ tokens: { t: serviceAccount(HOME, "shadow") } });
  install(api, "metallb");
  api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: HOME } });
  allow();
  api.apply(oneService({ address: ROUTER, port }));
});
afterEach(async () => {
  for (const end of ends.reverse()) await end();
  await api.stop();
  await new Promise((resolve) => router.close(resolve));
  rmSync(directory, { recursive: true });
});

/** The rights of a shadow and no others. */
function allow(): void {
  const rules = (scope: string) =>
    SHADOW_PERMISSIONS.filter((p) => p.scope === scope).map(({ resource: { group, plural }, verbs, name }) => ({
      apiGroups: [group],
      resources: [plural],
      verbs: [...verbs],
      ...(name === undefined ? {} : { resourceNames: [name] }),
    }));
  const group = "rbac.authorization.k8s.io";
  const subjects = [{ kind: "ServiceAccount", name: "shadow", namespace: HOME }];
  const apiVersion = `${group}/v1`;
  for (const [kind, scope, place] of [
    ["ClusterRole", "cluster", {}],
    ["Role", "home", { namespace: HOME }],
  ] as const) {
    const metadata = { name: "shadow", ...place };
    api.apply({ apiVersion, kind, metadata, rules: rules(scope) });
    api.apply({
      apiVersion,
      kind: `${kind}Binding`,
      metadata,
      subjects,
      roleRef: { apiGroup: group, kind, name: "shadow" },
    });
  }
}

const reported = (name: string, service: string, peers: readonly string[], node = NODE): void => {
  const labels = {
    "metallb.io/node": node,
    "metallb.io/service-name": service,
    "metallb.io/service-namespace": "default",
  };
  api.apply({
    apiVersion: "metallb.io/v1beta1",
    kind: "ServiceBGPStatus",
    metadata: { name, namespace: HOME, labels },
    spec: {},
    status: { node, serviceName: service, serviceNamespace: "default", peers: [...peers] },
  });
};

async function start(): Promise<Daemon> {
  const identity = { type: "token", token: "t" } as const;
  const access = { url: api.url, authority: null, serverName: null, isInsecure: false, identity };
  const daemon = makeDaemon(
    { nodeName: NODE, source: { type: "kubernetes", access, env: {} }, namespace: HOME, ...SHADOWED },
    (line) => void lines.push(line),
  );
  ends.push(() => daemon.stop());
  const status = await servePages(daemon, join(directory, "s"));
  ends.push(() => status.stop());
  await daemon.start();
  return daemon;
}

const once = (daemon: Daemon): Promise<ShadowReport> => {
  if (daemon.shadowing === null) throw new Error("no shadow");
  return daemon.shadowing.once();
};

const text = { color: false, wall: 0 };
const told = (event: string): readonly string[] => lines.filter((l) => l.includes(`"event":"${event}"`));

describe("a shadow", () => {
  test("that agrees with MetalLB says so, over socket, status and metrics; another node's reports are not its business", async () => {
    reported("bgp-a", "web", ["tor"]);
    reported("bgp-b", "web", ["elsewhere"], "worker-2");
    const daemon = await start();
    const services = { here: 1, there: 1, same: 1 };
    expect(await once(daemon)).toEqual({ node: NODE, verdict: "same", why: null, services, differences: [] });
    const socket = join(directory, "s");
    expect(await shadow({ socket, json: false, ...text })).toMatchObject({
      exitCode: 0,
      output: expect.stringContaining("MetalLB reports what vipcast would announce"),
    });
    expect((await ask("status", { socket, json: false, ...text })).output).toContain(
      "no session is opened; 0 services differ from what MetalLB reports",
    );
    expect((await ask("routes", { socket, json: false, ...text })).output).toContain("192.0.2.10/32");
    const metrics = await createMetrics(metricsInput(daemon, () => 0)).render();
    expect(metrics).toContain('vipcast_shadow_differences{verdict="different"} 0');
    expect(metrics, "MetalLB's own series are MetalLB's").not.toMatch(/^metallb_(speaker_announced|bgp_session_up)\{/m);
  });

  test("opens no connection but to the API server, and sends that nothing but lists and watches", async () => {
    reported("bgp-a", "web", []);
    const daemon = await start();
    const report = await once(daemon);
    expect(report.verdict).toBe("different");
    api.apply(oneService({ address: ROUTER, port }).replace("192.0.2.10", "192.0.2.11"));
    await api.requests.until({ verb: "watch", resource: "servicebgpstatuses" });
    await daemon.stop();
    expect(callers).toBe(0);
    const verbs = new Set(api.requests.all.map((r) => r.verb));
    expect([...verbs].sort()).toEqual(["list", "watch"]);
    expect(api.requests.all.filter((r) => r.code === 403)).toEqual([]);
    const statuses = api.requests.find({ resource: "servicebgpstatuses" });
    expect(new Set(statuses.map((r) => `${r.namespace} ${r.query.get("labelSelector")}`))).toEqual(
      new Set([`${HOME} metallb.io/node=${NODE}`]),
    );
  }, 30_000);

  test("tells a difference once it has stood for the grace, and its end; a short one is not told", async () => {
    const daemon = await start();
    const began = realClock.now();
    const report = await once(daemon);
    expect(realClock.now() - began).toBeGreaterThanOrEqual(SHADOW_GRACE);
    expect(report).toMatchObject({
      verdict: "different",
      differences: [{ service: "default/web", here: ["tor"], there: [] }],
    });
    const [line = ""] = told("shadowDiffers");
    expect(line).toContain("default/web would be announced to tor, MetalLB reports nobody");
    reported("bgp-a", "web", ["tor"]);
    await until(() => told("shadowAgrees").length === 1);
    expect(told("shadowDiffers")).toHaveLength(1);
  }, 40_000);

  test("without the kind, or the right to read it, says what is missing and compares nothing", async () => {
    api.forbid({ resource: "servicebgpstatuses" });
    const daemon = await start();
    await until(() =>
      told("shadowWaits").some((l) => l.includes("no permission to list servicebgpstatuses.metallb.io")),
    );
    expect(daemon.shadowing?.report()).toMatchObject({ verdict: "unknown", services: null, differences: [] });
    const { exitCode } = await shadow({ socket: join(directory, "s"), json: true, ...text });
    expect(exitCode).toBe(1);
  });
});

/** What the daemon does by itself is seen from outside. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i === 600) throw new Error(`never came; ${lines.slice(-5).join("")}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

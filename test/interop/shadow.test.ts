// `vipcast speaker --shadow-once` as CI runs it: the built program against the API server for tests. Output, log and exit code; no router
// hears of it. Needs the built program, no root.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listenBelow } from "../../lab/listenBelow.ts";
import { oneService } from "../../lab/oneService.ts";
import type { ShadowReport } from "../../src/observe/shadowView.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { install } from "../kube/install.ts";

const ROUTER = "127.0.0.2";
const ROOT = join(import.meta.dirname, "..", "..");

let api: ApiServer;
let router: Server;
let callers = 0;
let directory = "";
beforeEach(async () => {
  callers = 0;
  directory = mkdtempSync(join(tmpdir(), "shadow-once-"));
  router = createServer(() => callers++);
  const port = await listenBelow(router, ROUTER);
  api = await startApiServer();
  install(api, "metallb", "vipcast");
  api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "metallb-system" } });
  api.apply(oneService({ address: ROUTER, port }));
  api.apply(`
apiVersion: metallb.io/v1beta1
kind: ServiceBGPStatus
metadata: {name: bgp-a, namespace: metallb-system, labels: {metallb.io/node: worker-1}}
status: {node: worker-1, serviceName: web, serviceNamespace: default, peers: [tor]}
`);
  const clusters = [{ name: "c", cluster: { server: api.url } }];
  const contexts = [{ name: "c", context: { cluster: "c" } }];
  writeFileSync(join(directory, "kubeconfig"), JSON.stringify({ "current-context": "c", clusters, contexts }));
});
afterEach(async () => {
  await api.stop();
  await new Promise((resolve) => router.close(resolve));
  rmSync(directory, { recursive: true });
});

function run(...args: readonly string[]): Promise<{ code: number | null; out: string; log: string }> {
  const main = join(ROOT, "dist", "main.js");
  const common = ["--node-name", "worker-1", "--kubeconfig", join(directory, "kubeconfig")];
  const child = spawn(process.execPath, [main, "speaker", ...common, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, log] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    log += chunk.toString("utf8");
  });
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, log })));
}

test("agreement is one JSON document on stdout, the log on stderr, and exit code 0", async () => {
  const { code, out, log } = await run("--shadow-once", "json", "--listen", "127.0.0.1:0", "--state-dir", directory);
  const report = JSON.parse(out) as ShadowReport;
  expect(report).toMatchObject({ node: "worker-1", verdict: "same", services: { here: 1, there: 1, same: 1 } });
  expect([code, callers]).toEqual([0, 0]);
  expect(log).toContain('"event":"firstDecision"');
  expect(readdirSync(directory), "nothing is kept").toEqual(["kubeconfig"]);
  expect(new Set(api.requests.all.map((r) => r.verb))).toEqual(new Set(["list", "watch"]));
});

test("a difference is exit code 1, with the Service and both sides in the text", async () => {
  api.delete("ServiceBGPStatus", "metallb-system", "bgp-a");
  const { code, out } = await run("--shadow-once", "text");
  expect([code, callers]).toEqual([1, 0]);
  expect(out).toContain("worker-1: 1 services would be announced otherwise than MetalLB reports");
  expect(out).toContain("here tor; MetalLB -");
}, 40_000);

test.each([
  [["--shadow-once", "yaml"], "is not known"],
  [["--shadow", "--manifests", "."], "there is no MetalLB to compare with"],
])("%j is refused with exit code 2", async (args, message) => {
  const { code, log } = await run(...args);
  expect(code).toBe(2);
  expect(log).toContain(message);
});

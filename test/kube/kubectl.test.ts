// kubectl itself against the server of this directory: what people and scripts will use on the same objects.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { type ApiServer, startApiServer } from "./apiServer.ts";
import { kubectlProblem } from "./kubectl.ts";
import { object } from "./objects.ts";

const problem = kubectlProblem();

describe.skipIf(problem !== null)(titleOrSkip("kubectl", problem), () => {
  let server: ApiServer;
  let home: string;

  beforeAll(async () => {
    server = await startApiServer();
    home = mkdtempSync(join(tmpdir(), "vipcast-kubectl-"));
  });

  afterAll(async () => {
    await server.stop();
    rmSync(home, { recursive: true, force: true });
  });

  /** @returns what it printed @throws Error with what it complained about */
  function kubectl(args: readonly string[], input = ""): Promise<string> {
    const env = { PATH: process.env.PATH, HOME: home, KUBECONFIG: join(home, "none") };
    const child = spawn("kubectl", [`--server=${server.url}`, "--request-timeout=10s", ...args], { env });
    child.stdin.end(input);
    const said = { out: "", err: "" };
    child.stdout.on("data", (chunk) => (said.out += chunk));
    child.stderr.on("data", (chunk) => (said.err += chunk));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => (code === 0 ? resolve(said.out) : reject(new Error(said.err || said.out))));
    });
  }

  const service = (port: number): string => `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: LoadBalancer
  ports: [{name: http, port: ${port}, protocol: TCP}]`;

  test("applies a service, changes it, shows and deletes it", async () => {
    expect(await kubectl(["apply", "-f", "-"], service(80))).toContain("service/web created");
    expect(await kubectl(["apply", "-f", "-"], service(80))).toContain("service/web unchanged");
    expect(await kubectl(["apply", "-f", "-"], service(443))).toContain("service/web configured");
    expect(object(server.get("Service", "default", "web").spec).ports).toEqual([
      { name: "http", port: 443, protocol: "TCP" },
    ]);
    expect(await kubectl(["get", "services", "-o", "name"])).toBe("service/web\n");
    expect(await kubectl(["get", "svc", "web"])).toMatch(/^NAME\s+AGE\nweb\s+/);
    expect(await kubectl(["delete", "service", "web"])).toContain("deleted");
    expect(server.list("Service")).toEqual([]);
  });

  test("applies on the server's side, and is told of conflicts", async () => {
    const map = (value: string): string =>
      `{apiVersion: v1, kind: ConfigMap, metadata: {name: m}, data: {a: "${value}"}}`;
    await kubectl(["apply", "--server-side", "-f", "-"], map("1"));
    const other = ["apply", "--server-side", "--field-manager=other", "-f", "-"];
    await expect(kubectl(other, map("2"))).rejects.toThrow(/conflict/);
    await kubectl([...other, "--force-conflicts"], map("2"));
    expect(server.get("ConfigMap", "default", "m").data).toEqual({ a: "2" });
  });

  test("patches a status, labels a node, and waits for what it did", async () => {
    server.apply("{apiVersion: v1, kind: Node, metadata: {name: n1}}");
    await kubectl(["label", "node", "n1", "zone=a"]);
    const patch = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}';
    await kubectl(["patch", "node", "n1", "--subresource=status", "--type=merge", "-p", patch]);
    await kubectl(["wait", "node/n1", "--for=condition=Ready", "--timeout=5s"]);
    expect(server.get("Node", "", "n1").metadata.labels).toEqual({ zone: "a" });
  });

  test("is told what is wrong with an object", async () => {
    const bad = "{apiVersion: v1, kind: ConfigMap, metadata: {name: Not_A_Name}}";
    await expect(kubectl(["create", "-f", "-"], bad)).rejects.toThrow(/"Not_A_Name" is invalid: metadata.name/);
    await expect(kubectl(["get", "widgets"])).rejects.toThrow(/resource type "widgets"/);
  });
});

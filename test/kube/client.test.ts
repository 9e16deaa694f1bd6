// Requests and credentials over real sockets: what the server is sent, what its answers become, and how credentials change while
// the daemon runs.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { realClock, realTimers } from "../../src/app/realTime.ts";
import type { Identity, ServerAccess } from "../../src/kube/access.ts";
import { ApiError } from "../../src/kube/apiError.ts";
import { KubeClient } from "../../src/kube/client.ts";
import { PLUGIN_LIMIT_MS } from "../../src/kube/credentials.ts";
import { LEASES, SERVICES } from "../../src/kube/resources.ts";
import { HttpTransport } from "../../src/kube/transport.ts";
import { type ApiServer, startApiServer } from "./apiServer.ts";

let directory = "";
let server: ApiServer;
const clients: KubeClient[] = [];
const USER = { name: "vipcast", groups: ["system:masters"] };
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "client-"));
  server = await startApiServer();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.transport.close();
  await server.stop();
  rmSync(directory, { recursive: true, force: true });
});

function client(identity: Identity = { type: "none" }, pluginLimitMs = PLUGIN_LIMIT_MS): KubeClient {
  const access: ServerAccess = { url: server.url, authority: null, serverName: null, isInsecure: false, identity };
  const surroundings = { env: process.env, clock: realClock, pluginLimitMs };
  const made = new KubeClient(new HttpTransport(access, surroundings, "vipcast/test"), realTimers);
  clients.push(made);
  return made;
}

async function refusal(promise: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await promise.then(
    () => null,
    (e: unknown) => e,
  );
  if (error instanceof ApiError) return error;
  throw new Error(`no ApiError: ${String(error)}`);
}

const path = { namespace: "default", name: "a" };
const service = { apiVersion: "v1", kind: "Service", metadata: { name: "a" }, spec: { ports: [{ port: 80 }] } };

describe("requests", () => {
  test("create, read, change, list and delete", async () => {
    const kube = client();
    await kube.create(SERVICES, service, { namespace: "default" });
    const ingress = [{ ip: "192.0.2.1" }];
    await kube.patch(
      SERVICES,
      { ...path, subresource: "status" },
      { type: "merge", body: { status: { loadBalancer: { ingress } } } },
    );
    expect(await kube.get(SERVICES, path)).toMatchObject({ status: { loadBalancer: { ingress } } });
    expect(await kube.list(SERVICES, { namespace: "default", fieldSelector: "metadata.name=a" })).toHaveLength(1);
    await kube.delete(SERVICES, path);
    const error = await refusal(kube.get(SERVICES, path));
    expect(error).toMatchObject({ code: 404, reason: "NotFound", isNotFound: true });
  });

  test("an object that has changed meanwhile is a conflict", async () => {
    const kube = client();
    const lease = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata: { name: "a" }, spec: {} };
    const first = await kube.create(LEASES, lease, { namespace: "default" });
    await kube.update(LEASES, path, { ...first, spec: { holderIdentity: "x" } });
    const error = await refusal(kube.update(LEASES, path, { ...first, spec: { holderIdentity: "y" } }));
    expect(error.isConflict).toBe(true);
    expect((await refusal(kube.create(LEASES, lease, { namespace: "default" }))).isConflict).toBe(true);
  });

  test("server-side apply is sent as such", async () => {
    const kube = client();
    const body = { apiVersion: "v1", kind: "Service", metadata: { name: "a", labels: { x: "y" } }, spec: service.spec };
    await kube.patch(SERVICES, path, { type: "apply", body, fieldManager: "vipcast", isForced: true });
    const asked = server.requests.all.find((r) => r.verb === "patch");
    expect([asked?.contentType, asked?.query.get("fieldManager"), asked?.query.get("force")]).toEqual([
      "application/apply-patch+yaml",
      "vipcast",
      "true",
    ]);
    expect(server.get("Service", "default", "a").metadata.labels).toEqual({ x: "y" });
  });

  test("a list comes in pages", async () => {
    for (let i = 0; i < 501; i++) server.apply({ ...service, metadata: { name: `s${i}` } });
    expect(await client().list(SERVICES)).toHaveLength(501);
    expect(server.requests.all.filter((r) => r.verb === "list" && r.resource === "services")).toHaveLength(2);
  });

  test("an error has the server's words, and how long to wait", async () => {
    server.fault({ type: "status", code: 429, retryAfterSeconds: 3, message: "slow down" }, {}, 1);
    const error = await refusal(client().get(SERVICES, path));
    expect(error).toMatchObject({ code: 429, retryAfter: 3000, message: "slow down" });
  });

  test("a server that is not there is told in words", async () => {
    await server.stop();
    const error = await refusal(client().get(SERVICES, path));
    expect(error).toMatchObject({ code: null, reason: "connection", message: "connection refused (ECONNREFUSED)" });
  });
});

describe("credentials", () => {
  test("a token file is read for every request", async () => {
    const file = join(directory, "token");
    server.tokens.set("one", USER);
    writeFileSync(file, "one\n");
    const kube = client({ type: "tokenFile", path: file });
    await kube.list(SERVICES);
    server.tokens.clear();
    server.tokens.set("two", USER);
    expect((await refusal(kube.list(SERVICES))).code).toBe(401);
    writeFileSync(file, "two\n");
    await kube.list(SERVICES);
    writeFileSync(file, "");
    const error = await refusal(kube.list(SERVICES));
    expect(error).toMatchObject({ reason: "credentials", message: `the token file ${file} holds no token` });
  });

  /** @returns a program that prints what is in the file `credential`, and counts its runs */
  function plugin(): Identity {
    const command = join(directory, "plugin");
    writeFileSync(command, `#!/bin/sh\necho run >> "${directory}/runs"\ncat "${directory}/credential"\n`);
    chmodSync(command, 0o700);
    const apiVersion = "client.authentication.k8s.io/v1";
    return { type: "exec", plugin: { apiVersion, command, args: [], env: [], installHint: "get it", cluster: null } };
  }
  const give = (status: object): void =>
    writeFileSync(
      join(directory, "credential"),
      JSON.stringify({ apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status }),
    );
  const runs = (): number => readFileSync(join(directory, "runs"), "utf8").split("\n").length - 1;

  test("a plugin is asked once, and again after its token was refused", async () => {
    server.tokens.set("one", USER);
    give({ token: "one" });
    const kube = client(plugin());
    await Promise.all([kube.list(SERVICES), kube.list(SERVICES), kube.list(SERVICES)]);
    expect(runs()).toBe(1);
    server.tokens.clear();
    server.tokens.set("two", USER);
    give({ token: "two" });
    expect((await refusal(kube.list(SERVICES))).code).toBe(401);
    await kube.list(SERVICES);
    expect(runs()).toBe(2);
  });

  test("a plugin is asked again when what it gave expires", async () => {
    server.tokens.set("one", USER);
    give({ token: "one", expirationTimestamp: new Date(realClock.wall() + 10_000).toISOString() });
    const kube = client(plugin());
    await kube.list(SERVICES);
    await kube.list(SERVICES); // 10 s are less than the 30 s before which it is renewed
    expect(runs()).toBe(2);
  });

  test("a plugin that waits for a program without end is ended, and so is the wait for its output", async () => {
    const identity = plugin();
    // the program outlives the script, as one that hangs in the network does
    const script = `#!/bin/sh\nsleep 60 &\necho $! > "${directory}/child"\nwait\n`;
    writeFileSync(join(directory, "plugin"), script);
    try {
      const error = await refusal(client(identity, 300).list(SERVICES));
      expect(error.reason).toBe("credentials");
      expect(error.message).toMatch(/^the credential plugin .* was ended by SIGKILL, after 0\.3 s at most$/);
    } finally {
      process.kill(Number(readFileSync(join(directory, "child"), "utf8")), "SIGKILL");
    }
  });

  test("a plugin that is not there is told, with its hint", async () => {
    const identity = plugin();
    rmSync(join(directory, "plugin"));
    const error = await refusal(client(identity).list(SERVICES));
    expect(error.reason).toBe("credentials");
    expect(error.message).toMatch(/^the credential plugin .* cannot be started: .*ENOENT.*; get it$/);
  });
});

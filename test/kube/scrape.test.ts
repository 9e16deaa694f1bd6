// The metrics page as a Prometheus in a cluster meets it: over TLS, with a token that the API server for tests knows, or does not.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect as dial } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type MetricsServerConfig, startMetricsServer } from "../../src/app/metricsServer.ts";
import type { SourceOptions } from "../../src/app/source.ts";
import { METRICS_AUTH_PERMISSIONS } from "../../src/kube/permissions.ts";
import type { HttpServer } from "../../src/observe/http.ts";
import { createLogger } from "../../src/observe/log.ts";
import { TlsFiles } from "../../src/observe/tlsFiles.ts";
import { serviceAccount } from "./access.ts";
import { type ApiServer, startApiServer } from "./apiServer.ts";
import { type Certificate, makeAuthority, makeCertificate } from "./certificates.ts";
import type { Json } from "./objects.ts";

(globalThis as { VIPCAST_VERSION?: string }).VIPCAST_VERSION = "0.0.0-test";

const HOME = "metallb-system";
const rules = METRICS_AUTH_PERMISSIONS.map(({ resource: { group, plural }, verbs }) => ({
  apiGroups: [group],
  resources: [plural],
  verbs,
}));
const role = (name: string, given: Json) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRole",
  metadata: { name },
  rules: given,
});
const binding = (name: string, account: string) => ({
  apiVersion: "rbac.authorization.k8s.io/v1",
  kind: "ClusterRoleBinding",
  metadata: { name },
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name },
  subjects: [{ kind: "ServiceAccount", name: account, namespace: HOME }],
});

const authority = makeAuthority();
const issued = (commonName: string): Certificate =>
  makeCertificate(authority, { commonName, addresses: ["127.0.0.1"] });

let directory = "";
let api: ApiServer;
let page: HttpServer | null = null;
let lines: string[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "scrape-"));
  lines = [];
  const tokens = Object.fromEntries(
    ["speaker", "prometheus", "nobody"].map((name) => [`token-of-${name}`, serviceAccount(HOME, name)]),
  );
  api = await startApiServer({ tokens });
  api.apply(role("speaker", rules));
  api.apply(binding("speaker", "speaker"));
  api.apply(role("reader", [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }]));
  api.apply(binding("reader", "prometheus"));
});
afterEach(async () => {
  await page?.stop();
  page = null;
  await api.stop();
  rmSync(directory, { recursive: true });
});

function place(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return path;
}

async function start(over: Partial<MetricsServerConfig> = {}): Promise<number> {
  const { cert, key } = issued("first");
  const config: MetricsServerConfig = {
    metrics: { host: "127.0.0.1", port: 0 },
    metricsTlsCert: place("tls.crt", cert),
    metricsTlsKey: place("tls.key", key),
    metricsAuth: true,
    tlsMinVersion: "VersionTLS13",
    tlsCipherSuites: [],
    tlsCurvePreferences: [],
    ...over,
  };
  const identity = { type: "token", token: "token-of-speaker" } as const;
  const access = { url: api.url, authority: null, serverName: null, isInsecure: false, identity };
  const source: SourceOptions = { type: "kubernetes", access, env: {} };
  const log = createLogger("debug", { write: (line: string) => void lines.push(line) }, () => 0);
  const pages = {
    metrics: async () => "metallb_bgp_session_up 1\n",
    notReady: () => null,
    onDefect: (error: unknown) => {
      throw error;
    },
  };
  page = await startMetricsServer(config, source, pages, log);
  return page?.port ?? 0;
}

interface Answer {
  readonly status: number | undefined;
  readonly challenge: string | undefined;
  readonly retryAfter: string | undefined;
  readonly body: string;
}

function scrape(port: number, token: string | null, path = "/metrics"): Promise<Answer> {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const to = { host: "127.0.0.1", port, path, headers, ca: authority.cert, agent: false } as const;
  return new Promise((resolve, reject) => {
    const asked = request(to, async (response) => {
      let body = "";
      for await (const chunk of response) body += String(chunk);
      const { "www-authenticate": challenge, "retry-after": retryAfter } = response.headers;
      resolve({ status: response.statusCode, challenge, retryAfter, body });
    });
    asked.on("error", reject);
    asked.end();
  });
}

/** What a client of this version agrees on with the server; rejects when they cannot. */
function handshake(port: number, version: "TLSv1.2" | "TLSv1.3", curve = "X25519:P-256"): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { minVersion: version, maxVersion: version, ecdhCurve: curve } as const;
    const socket = connect({ host: "127.0.0.1", port, ca: authority.cert, ...limits }, () => {
      resolve(`${socket.getPeerCertificate().subject.CN} ${socket.getProtocol()} ${socket.getCipher().standardName}`);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("a token", () => {
  test("whose owner may get /metrics gives them, and is asked about once", async () => {
    const port = await start();
    for (let i = 0; i < 3; i++) {
      expect(await scrape(port, "token-of-prometheus")).toMatchObject({
        status: 200,
        body: "metallb_bgp_session_up 1\n",
      });
    }
    const all = api.requests.all.map((r) => `${r.verb} ${r.resource} ${r.code} ${r.user}`);
    expect(all).toEqual(
      ["tokenreviews", "subjectaccessreviews"].map(
        (what) => `create ${what} 201 ${serviceAccount(HOME, "speaker").name}`,
      ),
    );
  });

  test.each<[string, string | null, number, string]>([
    ["none", null, 401, "a bearer token is needed"],
    ["one that nobody knows", "made-up", 401, "a bearer token is needed"],
    ["one whose owner may not", "token-of-nobody", 403, `${serviceAccount(HOME, "nobody").name} may not get /metrics`],
  ])("%s: no metrics", async (_what, token, status, text) => {
    const answer = await scrape(await start(), token);
    expect(answer).toMatchObject({ status, challenge: status === 401 ? "Bearer" : undefined });
    expect(answer.body).toContain(text);
    expect(answer.body).not.toContain("session_up");
    expect(lines.join("")).not.toContain("token-of");
  });

  test("guards metrics; health pages are not there but on their own port", async () => {
    const port = await start();
    expect((await scrape(port, null, "/healthz")).status).toBe(404);
    expect((await scrape(port, null, "/readyz")).status).toBe(404);
  });

  test("while the API server is away: a good one stays good, another is told to come again, and the log says why", async () => {
    const port = await start();
    expect((await scrape(port, "token-of-prometheus")).status).toBe(200);
    await api.stop();
    expect((await scrape(port, "token-of-prometheus")).status).toBe(200);
    expect(await scrape(port, "token-of-nobody")).toMatchObject({ status: 503, retryAfter: "5" });
    expect(lines.join("")).toContain('"event":"metricsAccess"');
    await api.listen();
    expect((await scrape(port, "token-of-nobody")).status).toBe(403);
  });

  test("when the daemon itself may not ask: nobody gets metrics, and the log has the server's word", async () => {
    api.delete("ClusterRoleBinding", "", "speaker");
    const port = await start();
    expect((await scrape(port, "token-of-prometheus")).status).toBe(503);
    expect(lines.join("")).toContain("tokenreviews");
  });
});

describe("TLS", () => {
  test("is 1.3 unless told otherwise", async () => {
    const port = await start({ metricsAuth: false });
    expect(await handshake(port, "TLSv1.3")).toMatch(/^first TLSv1.3 TLS_/);
    await expect(handshake(port, "TLSv1.2")).rejects.toThrow();
  });

  test("1.2 comes with the suites that were chosen, beside 1.3", async () => {
    const suite = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256";
    const port = await start({ metricsAuth: false, tlsMinVersion: "VersionTLS12", tlsCipherSuites: [suite] });
    expect(await handshake(port, "TLSv1.2")).toBe(`first TLSv1.2 ${suite}`);
    expect(await handshake(port, "TLSv1.3")).toMatch(/^first TLSv1.3/);
  });

  test("keeps to the curves that were chosen", async () => {
    const port = await start({ metricsAuth: false, tlsCurvePreferences: ["24"] });
    expect(await handshake(port, "TLSv1.3", "P-384")).toMatch(/^first TLSv1.3/);
    await expect(handshake(port, "TLSv1.3", "X25519")).rejects.toThrow();
  });

  test("without tokens, health pages are served beside the metrics", async () => {
    const port = await start({ metricsAuth: false });
    expect((await scrape(port, null)).status).toBe(200);
    expect((await scrape(port, null, "/readyz")).status).toBe(200);
  });

  test.each<[string, Partial<MetricsServerConfig>, RegExp]>([
    ["a file that is not there", { metricsTlsCert: "/nowhere/tls.crt" }, /nowhere\/tls\.crt/],
    ["a key of another certificate", {}, /tls\.crt and key .*other\.key cannot be used together/],
    ["what is no certificate", {}, /tls\.crt and key .*tls\.key cannot be used together/],
  ])("%s is an error at the start", async (what, over, message) => {
    const more = what.startsWith("a key") ? { metricsTlsKey: place("other.key", issued("other").key) } : over;
    const none = what.startsWith("what") ? { metricsTlsCert: place("no.tls.crt", "no") } : more;
    await expect(start(none)).rejects.toThrow(message);
  });

  test("a renewed certificate is served from the next look on; half a pair leaves the old one in force and is told once", async () => {
    const [cert, key] = [join(directory, "tls.crt"), join(directory, "tls.key")];
    const port = await start({ metricsAuth: false });
    const files = new TlsFiles({ cert, key, parameters: { minVersion: "TLSv1.3" } });
    files.read();
    let look = (): void => {};
    const timers = {
      after: (_: number, run: () => void) => {
        look = run;
        return { cancel: () => {} };
      },
    };
    const told: string[] = [];
    let renewals = 0;
    files.watch(
      timers,
      (options) => {
        renewals++;
        page?.renew(options);
      },
      (why) => told.push(why),
    );
    const next = issued("second");
    place("tls.crt", next.cert);
    look();
    look();
    expect(await handshake(port, "TLSv1.3")).toMatch(/^first/);
    expect(told).toEqual([expect.stringContaining("cannot be used together")]);
    place("tls.key", next.key);
    look();
    look();
    expect(renewals, "once for each pair").toBe(1);
    expect(await handshake(port, "TLSv1.3")).toMatch(/^second/);
    expect(told).toHaveLength(1);
  });

  test("a stranger that speaks no TLS, or nothing, is no trouble", async () => {
    const port = await start({ metricsAuth: false });
    const silent = dial(port, "127.0.0.1");
    const noise = dial(port, "127.0.0.1", () => noise.end("GET /metrics HTTP/1.1\r\n\r\n"));
    await new Promise((resolve) => noise.on("close", resolve).on("error", () => {}));
    expect((await scrape(port, null)).status).toBe(200);
    silent.destroy();
  });
});

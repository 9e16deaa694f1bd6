// Arguments of MetalLB's speaker: what they come to here, and what is said of those that come to nothing.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { chooseSource } from "../../src/commands/source.ts";
import { loadConfig } from "../../src/config/load.ts";
import { METALLB_CONTROLLER_FLAGS } from "../../src/config/metallbFlags.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "flags-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Sources = Parameters<typeof loadConfig>[0];
const load = (metallb: Sources["metallb"] & {}, more: Partial<Sources> = {}) =>
  loadConfig({ flags: {}, env: {}, file: undefined, metallb, ...more });

describe("MetalLB's flags", () => {
  test.each([
    ["--port alone", { port: "7472" }, {}, { host: "0.0.0.0", port: 7472 }],
    ["--port with METALLB_HOST", { port: "7472" }, { METALLB_HOST: "192.0.2.1" }, { host: "192.0.2.1", port: 7472 }],
    ["--host before METALLB_HOST", { port: "7472", host: "::1" }, { METALLB_HOST: "x" }, { host: "::1", port: 7472 }],
    ["--port 0", { port: "0" }, {}, null],
    ["METALLB_HOST alone", {}, { METALLB_HOST: "192.0.2.1" }, null],
  ])("%s says where metrics are", (_what, flags, env, metrics) => {
    const { config, problems } = load(flags, { env });
    expect(config.metrics).toEqual(metrics);
    expect(problems).toEqual([]);
  });

  test("--metrics wins over --port, --port over the environment", () => {
    const env = { VIPCAST_METRICS: "127.0.0.1:1" };
    expect(load({ port: "7472" }, { env }).config.metrics?.port).toBe(7472);
    expect(load({ port: "7472" }, { env, flags: { metrics: "127.0.0.1:2" } }).config.metrics?.port).toBe(2);
  });

  test("--health-probe-port serves the health pages on loopback", () => {
    expect(load({ "health-probe-port": "17472" }).config.health).toEqual({ host: "127.0.0.1", port: 17472 });
  });

  test("a port that is none is an error that names the flag", () => {
    expect(load({ port: "http" }).problems).toMatchObject([{ severity: "error", name: "--port" }]);
  });

  test("what has no effect is told, each by its name", () => {
    const { problems } = load({ "ml-bindaddr": "x", "ml-wan-config": true, "bgp-debounce-timeout": "1" });
    expect(problems.map((p) => `${p.severity} ${p.name}`).sort()).toEqual([
      "warning --bgp-debounce-timeout",
      "warning --ml-bindaddr",
      "warning --ml-wan-config",
    ]);
  });
});

describe("webhooks of MetalLB's controller", () => {
  const controller = (metallb: Sources["metallb"] & {}) => load(metallb, { metallbTable: METALLB_CONTROLLER_FLAGS });

  test.each([
    ["nothing serves none", {}, { webhooks: null, webhookCertDir: null }, []],
    ["--webhook-mode disabled serves none", { "webhook-mode": "disabled" }, { webhooks: null }, []],
    ["--webhook-mode enabled", { "webhook-mode": "enabled" }, { webhooks: { host: "0.0.0.0", port: 9443 } }, []],
    ["onlywebhook", { "webhook-mode": "onlywebhook" }, { webhooks: { port: 9443 } }, ["warning --webhook-mode"]],
    ["another mode", { "webhook-mode": "on" }, { webhooks: null }, ["error --webhook-mode"]],
    ["--cert-service-name", { "cert-service-name": "hooks" }, { webhookService: "hooks" }, []],
    ["--cert-dir alone", { "cert-dir": "/c" }, { webhookCertDir: null }, ["warning --cert-dir"]],
    ["--cert-dir of others", { "cert-dir": "/c", "disable-cert-rotation": true }, { webhookCertDir: "/c" }, []],
    ["--webhook-http2", { "webhook-http2": true }, {}, ["warning --webhook-http2"]],
  ])("%s", (_what, flags, config, told) => {
    const found = controller(flags);
    expect(found.config).toMatchObject(config);
    expect(found.problems.map((p) => `${p.severity} ${p.name}`)).toEqual(told);
  });
});

describe("metrics over TLS", () => {
  test("MetalLB's --metrics-cert-dir is the pair of files in it, and yields to our own flags", () => {
    expect(load({ "metrics-cert-dir": "/certs" }).config).toMatchObject({
      metricsTlsCert: "/certs/tls.crt",
      metricsTlsKey: "/certs/tls.key",
    });
    const flags = { metricsTlsCert: "/own.crt", metricsTlsKey: "/own.key" };
    expect(load({ "metrics-cert-dir": "/certs" }, { flags }).config).toMatchObject(flags);
  });

  const SUITE = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
  test.each<[string, Sources["flags"], string, string]>([
    [
      "a certificate without key",
      { metricsTlsCert: "/c" },
      "--metrics-tls-cert",
      "certificate and key belong together",
    ],
    ["a key without certificate", { metricsTlsKey: "/k" }, "--metrics-tls-key", "certificate and key belong together"],
    ["tokens without an API server", { metricsAuth: true, manifests: "/m" }, "--metrics-auth", "no API server to ask"],
    ["suites for TLS 1.3", { tlsCipherSuites: SUITE }, "--tls-cipher-suites", "cannot be chosen"],
    ["an unknown suite", { tlsCipherSuites: "TLS_RSA_WITH_RC4_128_SHA" }, "--tls-cipher-suites", "is no cipher suite"],
    [
      "a suite twice",
      { tlsMinVersion: "VersionTLS12", tlsCipherSuites: `${SUITE},${SUITE}` },
      "--tls-cipher-suites",
      "twice",
    ],
    ["an unknown version", { tlsMinVersion: "VersionTLS11" }, "--tls-min-version", "is not known"],
    ["an unknown curve", { tlsCurvePreferences: "29,1" }, "--tls-curve-preferences", '"1" is no curve number'],
  ])("%s is refused", (_what, flags, name, message) => {
    expect(load({}, { flags }).problems).toMatchObject([
      { severity: "error", name, message: expect.stringContaining(message) },
    ]);
  });
});

describe("in a pod", () => {
  const METRICS = { host: "0.0.0.0", port: 9120 };
  const HEALTH = { host: "127.0.0.1", port: 17472 };
  test.each<[string, Sources["metallb"] & {}, Partial<Sources>, unknown, unknown]>([
    ["nothing is said", {}, {}, METRICS, HEALTH],
    ["--port 0", { port: "0" }, {}, null, HEALTH],
    ["--health-probe-port 0", { "health-probe-port": "0" }, {}, METRICS, null],
    ["METALLB_HOST", {}, { env: { METALLB_HOST: "192.0.2.1" } }, { host: "192.0.2.1", port: 9120 }, HEALTH],
    ["--metrics", {}, { flags: { metrics: "[::]:1" } }, { host: "::", port: 1 }, HEALTH],
    ["VIPCAST_METRICS", {}, { env: { VIPCAST_METRICS: "127.0.0.1:1" } }, { host: "127.0.0.1", port: 1 }, HEALTH],
    ["manifests are read", {}, { flags: { manifests: "/m" } }, null, null],
    ["another cluster is read", {}, { env: { VIPCAST_KUBECONFIG: "/k" } }, null, null],
  ])("pages are where MetalLB's speaker has them, unless otherwise: %s", (_what, flags, more, metrics, health) => {
    const { config, problems } = load(flags, { account: directory, ...more });
    expect([config.metrics, config.health]).toEqual([metrics, health]);
    expect(problems).toEqual([]);
  });

  test("the namespace is the account's, unless something else says so", () => {
    writeFileSync(join(directory, "namespace"), "lb-system\n");
    const namespace = (more: Partial<Sources>) => load({}, { account: directory, ...more }).config.namespace;
    expect(namespace({})).toBe("lb-system");
    expect(namespace({ env: { METALLB_NAMESPACE: "other" } })).toBe("other");
    expect(namespace({ flags: { manifests: "/m" } })).toBe("metallb-system");
    expect(load({}, { account: `${directory}/none` }).config.namespace).toBe("metallb-system");
  });
});

describe("the source", () => {
  const none = { manifests: null, kubeconfig: null, context: null };
  const pod = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };

  test("is the directory, the kubeconfig's server, or that of the pod", () => {
    const file = join(directory, "config");
    const context = { name: "a", context: { cluster: "c" } };
    const clusters = [{ name: "c", cluster: { server: "https://x:1" } }];
    writeFileSync(file, JSON.stringify({ "current-context": "a", contexts: [context], clusters }));
    expect(chooseSource({ ...none, manifests: "/m" }, pod).source).toEqual({ type: "manifests", path: "/m" });
    expect(chooseSource({ ...none, kubeconfig: file }, pod).source).toMatchObject({ access: { url: "https://x:1" } });
    expect(chooseSource(none, pod).source).toMatchObject({ access: { url: "https://10.96.0.1:443" } });
  });

  test.each([
    ["none", none, "--manifests", "nothing says where the objects are"],
    ["two", { ...none, manifests: "/m", kubeconfig: "/k" }, "--kubeconfig", "is given beside --manifests"],
    ["a context of nothing", { ...none, context: "a" }, "--context", "has no kubeconfig"],
    ["a kubeconfig that is not there", { ...none, kubeconfig: "/nowhere/k" }, "/nowhere/k", "cannot be read"],
  ])("%s is refused", (_what, config, name, message) => {
    const { source, problems } = chooseSource(config, {});
    expect(source).toBeNull();
    expect(problems).toMatchObject([{ severity: "error", name, message: expect.stringContaining(message) }]);
  });
});

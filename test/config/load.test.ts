import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flagHelp, flagText, renderConfigDoc } from "../../src/config/configDoc.ts";
import { loadConfig } from "../../src/config/load.ts";
import { CONFIG_KEYS, type ConfigKey, SETTINGS } from "../../src/config/schema.ts";
import { ipv4, ipv6 } from "../../src/kernel/ip.ts";

let directory = "";
let file = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "config-"));
  file = join(directory, "vipcast.yaml");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

type Flags = Parameters<typeof loadConfig>[0]["flags"];
function load(flags: Flags = {}, env: Record<string, string> = {}, yaml?: string, required: ConfigKey[] = []) {
  if (yaml !== undefined) writeFileSync(file, yaml);
  return loadConfig({ flags, env, file: yaml === undefined ? undefined : file }, required);
}

const briefly = (loaded: ReturnType<typeof load>): string[] =>
  loaded.problems.map((p) => `${p.severity} ${p.line ?? "-"} ${p.path}: ${p.message} ${p.hint}`);

describe("the configuration", () => {
  test("without anything is the defaults", () => {
    expect(load()).toEqual({
      config: {
        nodeName: null,
        shadow: false,
        shadowOnce: null,
        manifests: null,
        kubeconfig: null,
        context: null,
        socket: null,
        metrics: null,
        metricsTlsCert: null,
        metricsTlsKey: null,
        metricsAuth: false,
        tlsMinVersion: "VersionTLS13",
        tlsCipherSuites: [],
        tlsCurvePreferences: [],
        health: null,
        listen: [],
        logLevel: "info",
        lbClass: "",
        ignoreExcludeLb: false,
        routerId: null,
        namespace: "metallb-system",
        podName: null,
        stateDir: null,
        allocate: false,
        witness: false,
        webhooks: null,
        webhookCertDir: null,
        webhookService: "metallb-webhook-service",
        webhookSecret: "metallb-webhook-cert",
        leaderElect: true,
        drainTime: 0,
        drainOnCordon: false,
        drainOnTaint: null,
        stopKeepsRoutes: false,
        shutdownText: "vipcast is stopping",
      },
      problems: [],
    });
  });

  test("takes each value from the flag, else the environment, else the file", () => {
    const yaml = "nodeName: from-file\nlogLevel: warn\nmetrics: 127.0.0.1:1\n";
    const { config, problems } = load(
      { nodeName: "from-flag" },
      { VIPCAST_NODE_NAME: "e", VIPCAST_LOG_LEVEL: "debug" },
      yaml,
    );
    expect(problems).toEqual([]);
    expect(config).toMatchObject({ nodeName: "from-flag", logLevel: "debug", metrics: { host: "127.0.0.1", port: 1 } });
  });

  test("reads every key from the file", () => {
    const yaml = `
nodeName: worker-1
shadow: false
manifests: /etc/vipcast/manifests
kubeconfig: /etc/vipcast/kubeconfig
context: lab
health: 127.0.0.1:17472
socket: /run/vipcast/vipcast.sock
metrics: "[::1]:9120"
metricsTlsCert: /etc/vipcast/tls.crt
metricsTlsKey: /etc/vipcast/tls.key
metricsAuth: false
tlsMinVersion: VersionTLS12
tlsCipherSuites: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
tlsCurvePreferences: 29
listen: 0.0.0.0:179,[2001:db8::1]:1790
logLevel: all
lbClass: example.org/bgp
ignoreExcludeLb: true
routerId: 10.0.0.1
namespace: lb
stateDir: /var/lib/vipcast
allocate: true
leaderElect: false
drainTime: 1m30s
drainOnCordon: true
drainOnTaint: example.com/away
webhooks: 0.0.0.0:9443
webhookCertDir: /certs
webhookService: hooks
webhookSecret: hooks-cert
stopKeepsRoutes: true
shutdownText: back at noon
`;
    expect(load({}, {}, yaml)).toEqual({
      config: {
        nodeName: "worker-1",
        shadow: false,
        shadowOnce: null,
        manifests: "/etc/vipcast/manifests",
        kubeconfig: "/etc/vipcast/kubeconfig",
        context: "lab",
        health: { host: "127.0.0.1", port: 17472 },
        socket: "/run/vipcast/vipcast.sock",
        metrics: { host: "::1", port: 9120 },
        metricsTlsCert: "/etc/vipcast/tls.crt",
        metricsTlsKey: "/etc/vipcast/tls.key",
        metricsAuth: false,
        tlsMinVersion: "VersionTLS12",
        tlsCipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        tlsCurvePreferences: ["29"],
        listen: [
          { address: ipv4(0), port: 179 },
          { address: ipv6(0x2001_0db8, 0, 0, 1), port: 1790 },
        ],
        logLevel: "all",
        lbClass: "example.org/bgp",
        ignoreExcludeLb: true,
        routerId: 0x0a000001,
        namespace: "lb",
        podName: null,
        stateDir: "/var/lib/vipcast",
        allocate: true,
        witness: false,
        webhooks: { host: "0.0.0.0", port: 9443 },
        webhookCertDir: "/certs",
        webhookService: "hooks",
        webhookSecret: "hooks-cert",
        leaderElect: false,
        drainTime: 90_000,
        drainOnCordon: true,
        drainOnTaint: "example.com/away",
        stopKeepsRoutes: true,
        shutdownText: "back at noon",
      },
      problems: [],
    });
  });

  test("allocating without a state directory is refused, with the cure", () => {
    const { problems } = load({ allocate: true, manifests: "m" });
    expect(problems).toMatchObject([{ severity: "error", path: "allocate", message: "it needs a state directory" }]);
    expect(problems[0]?.hint).toContain("--state-dir");
    expect(load({ allocate: true, manifests: "m", stateDir: "/var/lib/vipcast" }).problems).toEqual([]);
    expect(load({ allocate: true, manifests: "m", stateDir: "s", witness: true }).problems).toMatchObject([
      { message: "a witness has no Services" },
    ]);
    expect(load({ allocate: true, stateDir: "s" }).problems).toMatchObject([{ message: "it is for manifests" }]);
  });

  test("takes MetalLB's environment names where ours are not set or empty", () => {
    const { config } = load({}, { METALLB_NODE_NAME: "m", METALLB_NAMESPACE: "ns", VIPCAST_NAMESPACE: "" });
    expect(config).toMatchObject({ nodeName: "m", namespace: "ns" });
    expect(load({}, { METALLB_NODE_NAME: "m", VIPCAST_NODE_NAME: "v" }).config.nodeName).toBe("v");
  });

  test("takes the file from VIPCAST_CONFIG, but the flag wins", () => {
    writeFileSync(file, "nodeName: a");
    expect(loadConfig({ flags: {}, env: { VIPCAST_CONFIG: file }, file: undefined }).config.nodeName).toBe("a");
    const other = join(directory, "other.yaml");
    writeFileSync(other, "nodeName: b");
    expect(loadConfig({ flags: {}, env: { VIPCAST_CONFIG: file }, file: other }).config.nodeName).toBe("b");
  });

  test.each(["", "# nothing\n", "---\n", "socket:\n", "socket: null\n"])("file %j counts as nothing given", (yaml) => {
    expect(load({}, {}, yaml)).toEqual(load());
  });

  test("a switch that is not given as a flag does not hide the file's", () => {
    expect(load({ ignoreExcludeLb: false }, {}, "ignoreExcludeLb: true").config.ignoreExcludeLb).toBe(true);
    expect(load({ ignoreExcludeLb: true }).config.ignoreExcludeLb).toBe(true);
  });
});

describe("problems", () => {
  test("all are told, each with its place and cure, and the rest stays in force", () => {
    const yaml = "nodName: x\nmetrics: 9120\nlogLevel: wrn\nlb-class: y\nrouterId: {a: 1}\nsocket: /s\nrouterId: [1]\n";
    const loaded = load({ namespace: "A" }, { VIPCAST_IGNORE_EXCLUDE_LB: "maybe", VIPCAST_LOGLEVEL: "debug" }, yaml, [
      "manifests",
    ]);
    expect(briefly(loaded).sort()).toEqual(
      [
        'error - namespace: "A" is not a legal name Lower-case letters, digits, dashes; at most 63 characters.',
        'error - ignoreExcludeLb: "maybe" is neither true nor false Write true or false.',
        "error 2 metrics: 9120 is not of the form HOST:PORT Write HOST:PORT, e.g. 127.0.0.1:9120 or [::1]:9120; 0.0.0.0 stands for all IPv4 addresses.",
        'error 3 logLevel: "wrn" is not known Did you mean "warn"? One of: all, trace, debug, info, warn, error, none.',
        "error - manifests: it is needed and was not given Give --manifests DIR, the environment (VIPCAST_MANIFESTS) or manifests in the configuration file.",
        "warning - : there is no such setting Did you mean VIPCAST_LOG_LEVEL?",
        "error 7 : Map keys must be unique The file must be one YAML mapping of keys to values.",
        'error 1 nodName: there is no such key Did you mean "nodeName"?',
        'error 4 lb-class: there is no such key Did you mean "lbClass"?',
        "error 5 routerId: a mapping stands where one value is expected Write `routerId: VALUE`.",
        "error 7 routerId: a list stands where one value is expected Write `routerId: VALUE`.",
      ].sort(),
    );
    expect(loaded.config).toMatchObject({ socket: "/s", logLevel: "info" });
    expect(loaded.problems.find((p) => p.path === "metrics")).toMatchObject({
      kind: "VipcastConfig",
      namespace: null,
      name: file,
      file,
    });
  });

  test("a wrong value is told also where a stronger one overrides it", () => {
    const loaded = load({ logLevel: "debug" }, {}, "logLevel: loud");
    expect(loaded.config.logLevel).toBe("debug");
    expect(loaded.problems).toHaveLength(1);
  });

  test("a wrong strong value is not replaced by a weaker one", () => {
    expect(load({ logLevel: "loud" }, { VIPCAST_LOG_LEVEL: "debug" }).config.logLevel).toBe("info");
  });

  test("what Kubernetes sets for a Service named vipcast is no problem", () => {
    const env = { VIPCAST_SERVICE_HOST: "10.0.0.1", VIPCAST_PORT: "tcp://10.0.0.1:1", VIPCAST_PORT_1_TCP_ADDR: "x" };
    expect(load({}, env).problems).toEqual([]);
  });

  test.each([
    ["is no YAML", "a: [1\n", "one YAML mapping"],
    ["is a list", "- a\n", "key: value"],
    ["is a word", "hello\n", "key: value"],
    ["has two documents", "nodeName: a\n---\nnodeName: b\n", "one YAML mapping"],
    ["has an alias", "nodeName: &x a\nnamespace: *x\n", "namespace: VALUE"],
  ])("a file that %s is told", (_name, yaml, hint) => {
    const { problems } = load({}, {}, yaml);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.map((p) => p.hint).join()).toContain(hint);
  });

  test("a file that is missing, a directory, too large or not text is told", () => {
    const told = (path: string): string =>
      loadConfig({ flags: {}, env: {}, file: path })
        .problems.map((p) => p.message)
        .join();
    expect(told(join(directory, "none"))).toBe("there is no such file");
    expect(told(directory)).toBe("it is a directory");
    writeFileSync(file, "#".repeat(70_000));
    expect(told(file)).toBe("it has 70000 octets");
    writeFileSync(file, Uint8Array.of(0x61, 0x3a, 0x20, 0xff, 0xfe));
    expect(told(file)).toBe("it is not UTF-8 text");
  });
});

describe("the table of settings", () => {
  test("has distinct flags and environment names", () => {
    const flags = CONFIG_KEYS.map((k) => SETTINGS[k].flag);
    const env = CONFIG_KEYS.flatMap((k) => SETTINGS[k].env);
    expect(new Set(flags).size).toBe(flags.length);
    expect(new Set(env).size).toBe(env.length);
  });

  test("has keys that are its flags in camel case, as option parsers name them", () => {
    for (const key of CONFIG_KEYS) {
      expect(SETTINGS[key].flag.replace(/-([a-z])/g, (_, c: string) => c.toUpperCase())).toBe(key);
    }
  });

  test("has defaults that its own readers accept", () => {
    for (const key of CONFIG_KEYS) {
      const { fallback, read } = SETTINGS[key];
      // the list of addresses is read from a text
      const given = Array.isArray(fallback) ? fallback.join() : fallback;
      if (given !== null) expect(read(given)).toEqual({ ok: true, value: fallback });
    }
  });

  test("gives flags and help to an option parser", () => {
    expect(flagText("metrics")).toBe("--metrics <HOST:PORT>");
    expect(flagText("ignoreExcludeLb")).toBe("--ignore-exclude-lb");
    expect(flagHelp("logLevel")).toMatch(/\(default info, env VIPCAST_LOG_LEVEL\)$/);
  });

  test("is documented key by key", () => {
    const doc = renderConfigDoc();
    expect(readFileSync(join(import.meta.dirname, "../../docs/configuration.md"), "utf8")).toBe(doc);
    for (const key of CONFIG_KEYS) {
      expect(doc).toContain(`| \`${key}\` | \`${flagText(key)}\` |`);
      for (const name of SETTINGS[key].env) expect(doc).toContain(name);
    }
  });
});

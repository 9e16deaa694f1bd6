// A kubeconfig as kubectl writes it, and everything that can be wrong with one; what credential plugins answer.
import { describe, expect, test } from "vitest";
import { inClusterAccess } from "../../src/kube/access.ts";
import { execInfo, readExecCredential } from "../../src/kube/execCredential.ts";
import { readKubeconfig } from "../../src/kube/kubeconfig.ts";

const PLACE = { file: "lab.yaml", directory: "/etc/lab" };
const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const SECRET = "s3cr3t-t0ken";

/** A file with one cluster and one user. @param cluster @param user lines of YAML in flow style */
const config = (cluster: string, user = "{}", top = "current-context: here"): string => `
apiVersion: v1
kind: Config
${top}
contexts:
- { name: here, context: { cluster: c, user: u } }
- { name: there, context: { cluster: d } }
clusters:
- { name: c, cluster: ${cluster} }
- { name: d, cluster: { server: "http://192.0.2.1:8080/k8s/d/" } }
users:
- { name: u, user: ${user} }
`;
const read = (text: string, context: string | null = null) => readKubeconfig(text, PLACE, context);
const SERVER = '{ server: "https://api.example:6443" }';

describe("a kubeconfig", () => {
  test("gives server, authority and identity of its current context, and of another one when asked", () => {
    const data = btoa(PEM);
    expect(read(config(`{ server: "https://api.example:6443", certificate-authority-data: ${data} }`))).toEqual({
      access: {
        url: "https://api.example:6443",
        authority: { type: "text", text: PEM },
        serverName: null,
        isInsecure: false,
        identity: { type: "none" },
      },
      problems: [],
    });
    expect(read(config(SERVER), "there").access?.url).toBe("http://192.0.2.1:8080/k8s/d");
  });

  test.each([
    ["a token", `{ token: ${SECRET} }`, { type: "token", token: SECRET }],
    ["a token file, relative to the kubeconfig", "{ tokenFile: token }", { type: "tokenFile", path: "/etc/lab/token" }],
    ["a token file before a token", `{ tokenFile: /t, token: ${SECRET} }`, { type: "tokenFile", path: "/t" }],
    [
      "a certificate",
      `{ client-certificate: a.crt, client-key-data: ${btoa(PEM)} }`,
      { type: "certificate", certificate: { type: "file", path: "/etc/lab/a.crt" }, key: { type: "text", text: PEM } },
    ],
    [
      "a plugin",
      "{ exec: { apiVersion: client.authentication.k8s.io/v1beta1, command: ./get, args: [a], env: [{ name: N, value: v }], provideClusterInfo: true } }",
      {
        type: "exec",
        plugin: {
          apiVersion: "client.authentication.k8s.io/v1beta1",
          command: "/etc/lab/./get",
          args: ["a"],
          env: [["N", "v"]],
          installHint: "",
          cluster: { server: "https://api.example:6443", "insecure-skip-tls-verify": false },
        },
      },
    ],
  ])("knows %s", (_what, user, identity) => {
    const result = read(config(SERVER, user));
    expect(result.problems).toEqual([]);
    expect(result.access?.identity).toEqual(identity);
  });

  test.each([
    ["no YAML", "{", "", "is no YAML mapping"],
    ["no context", config(SERVER, "{}", "a: b"), "current-context", "is not set"],
    ["another context", config(SERVER, "{}", "current-context: her"), "contexts", 'has no entry named "her"'],
    ["no server", config("{}"), "clusters[0].cluster.server", "is required"],
    ["a strange URL", config('{ server: "ftp://x" }'), "clusters[0].cluster.server", "is no http or https URL"],
    ["a password in the URL", config('{ server: "https://u:p@x" }'), "clusters[0].cluster.server", "is no http or"],
    [
      "a proxy",
      config('{ server: "https://x", proxy-url: "http://p" }'),
      "clusters[0].cluster.proxy-url",
      "not supported",
    ],
    [
      "a broken authority",
      config('{ server: "https://x", certificate-authority-data: "%" }'),
      "clusters[0].cluster.certificate-authority-data",
      "is not base64 of PEM",
    ],
    [
      "contradictory trust",
      config('{ server: "https://x", insecure-skip-tls-verify: true, certificate-authority: ca }'),
      "clusters[0].cluster.insecure-skip-tls-verify",
      "contradicts",
    ],
    ["a password", config(SERVER, "{ username: a, password: b }"), "users[0].user.username", "is not supported"],
    ["half a certificate", config(SERVER, "{ client-certificate: a }"), "users[0].user.client-key", "is missing"],
    [
      "a plugin of another version",
      config(SERVER, "{ exec: { apiVersion: v1, command: x } }"),
      "users[0].user.exec.apiVersion",
      "must be one of",
    ],
    [
      "a plugin that asks somebody",
      config(SERVER, "{ exec: { apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: Always } }"),
      "users[0].user.exec.interactiveMode",
      "nobody is there",
    ],
  ])("with %s is refused where it is wrong", (_what, text, path, message) => {
    const { access, problems } = read(text);
    expect(access).toBeNull();
    const found = problems.find((p) => p.path === path && p.severity === "error");
    expect(found?.message, JSON.stringify(problems)).toContain(message);
  });

  test("without a check of the server's certificate works, with a warning", () => {
    const { access, problems } = read(config('{ server: "https://x", insecure-skip-tls-verify: true }'));
    expect(access?.isInsecure).toBe(true);
    expect(problems.map((p) => p.severity)).toEqual(["warning"]);
  });

  test("never shows a secret, whatever is wrong", () => {
    const texts = [
      config(SERVER, `{ token: "${SECRET}\\nx" }`),
      config(SERVER, `{ token: [${SECRET}] }`),
      config(SERVER, `{ client-key-data: ${SECRET}, client-certificate: a }`),
      config(SERVER, `{ password: ${SECRET} }`),
      `token: ${SECRET}\n  bad: [`,
    ];
    for (const text of texts) {
      const { access, problems } = read(text);
      expect(access).toBeNull();
      expect(JSON.stringify(problems)).not.toContain(SECRET);
    }
  });
});

describe("in a pod", () => {
  test.each([
    ["10.96.0.1", "https://10.96.0.1:443"],
    ["fd00::1", "https://[fd00::1]:443"],
  ])("the server is at %s", (host, url) => {
    const env = { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: "443" };
    expect(inClusterAccess(env, "/acc")).toEqual({
      url,
      authority: { type: "file", path: "/acc/ca.crt" },
      serverName: null,
      isInsecure: false,
      identity: { type: "tokenFile", path: "/acc/token" },
    });
  });

  test("that is none, there is no server", () => {
    expect(inClusterAccess({})).toBeNull();
    expect(inClusterAccess({ KUBERNETES_SERVICE_HOST: "10.96.0.1" })).toBeNull();
  });
});

describe("a credential plugin", () => {
  const plugin = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: "x",
    args: [],
    env: [],
    installHint: "",
    cluster: { server: "https://x" },
  } as const;
  const answer = (status: object, version: string = plugin.apiVersion): string =>
    JSON.stringify({ apiVersion: version, kind: "ExecCredential", status });

  test("is told the version, and of the cluster when it asked", () => {
    const spec = { interactive: false, cluster: { server: "https://x" } };
    expect(JSON.parse(execInfo(plugin))).toEqual({ apiVersion: plugin.apiVersion, kind: "ExecCredential", spec });
  });

  test("may give a token with its end", () => {
    const read = readExecCredential(answer({ token: SECRET, expirationTimestamp: "2026-01-01T00:00:00Z" }), plugin);
    expect(read).toEqual({ token: SECRET, certificate: null, expiresAt: Date.UTC(2026, 0, 1) });
  });

  test.each([
    ["no JSON", `${SECRET}`, "printed no JSON"],
    ["something else", "{}", "printed no ExecCredential"],
    [
      "another version",
      answer({ token: SECRET }, "v0"),
      "answered in another version than client.authentication.k8s.io/v1",
    ],
    ["nothing", answer({}), "gave neither a token nor a certificate"],
    ["half a certificate", answer({ clientKeyData: SECRET }), "gave a certificate without its key, or a key alone"],
    ["two lines", answer({ token: `${SECRET}\nx` }), "gave a token of several lines"],
    ["no time", answer({ token: SECRET, expirationTimestamp: "soon" }), "gave an expirationTimestamp that is no time"],
  ])("that gives %s is told so, without its secret", (_what, output, words) => {
    expect(readExecCredential(output, plugin)).toBe(words);
  });
});

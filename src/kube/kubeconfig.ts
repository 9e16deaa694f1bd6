// A kubeconfig file -> how to reach the server of one context. Owns which of its fields count, and what is said of those that
// cannot be honoured. Knows nothing of files beyond their names. Contract: pure; every problem with its path, not the first;
// no value of a token, key or password is ever in a message.
import { parseDocument } from "yaml";
import type { ConfigProblem } from "../kernel/problem.ts";
import { nameHint } from "../kernel/suggest.ts";
import { quote } from "../kernel/text.ts";
import { Fields, isRawObject, Report } from "../sources/fields.ts";
import type { Identity, Pem, ServerAccess } from "./access.ts";
import { EXEC_VERSIONS, type ExecPlugin } from "./execCredential.ts";
import { say } from "./messages.ts";

export interface KubeconfigPlace {
  /** For messages. */
  readonly file: string;
  /** What relative names in it refer to. */
  readonly directory: string;
}

export interface KubeconfigResult {
  /** null: `problems` say why. */
  readonly access: ServerAccess | null;
  readonly problems: readonly ConfigProblem[];
}

/** @param context name of the context; null: the file's current one */
export function readKubeconfig(text: string, place: KubeconfigPlace, context: string | null): KubeconfigResult {
  const report = new Report({ kind: "Kubeconfig", namespace: null, name: place.file });
  const done = (access: ServerAccess | null): KubeconfigResult => ({
    access: report.isRefused ? null : access,
    problems: report.problems,
  });
  const document = parseDocument(text, { prettyErrors: false, uniqueKeys: true });
  const raw: unknown = document.errors.length > 0 ? null : document.toJS({ maxAliasCount: 100 });
  if (!isRawObject(raw)) {
    // the parser's own words may repeat a line of the file, and with it a token
    report.error("", say("noMapping"));
    return done(null);
  }
  const root = new Fields(raw, report);
  const name = context ?? root.string("current-context");
  if (name === null) {
    report.error("current-context", say("noContext"));
    return done(null);
  }
  const chosen = namedEntry(root, "contexts", name, "context");
  const clusterName = chosen?.requiredString("cluster") ?? null;
  const userName = chosen?.string("user") ?? null;
  const cluster = clusterName === null ? null : namedEntry(root, "clusters", clusterName, "cluster");
  const user = userName === null ? null : namedEntry(root, "users", userName, "user");
  if (cluster === null) return done(null);
  const server = readCluster(cluster, place);
  const identity = user === null ? { type: "none" as const } : readUser(user, place, cluster);
  return done(server === null || identity === null ? null : { ...server, identity });
}

/** The body of an entry of one of the three named lists. */
function namedEntry(root: Fields, list: string, name: string, key: string): Fields | null {
  const entries = root.objects(list);
  const found = entries.find((entry) => entry.string("name") === name);
  if (found !== undefined) return found.objectOrEmpty(key);
  const known = entries.flatMap((entry) => entry.string("name") ?? []);
  root.error(list, say("noEntry", { name: quote(name) }, nameHint(name, known, "entry")));
  return null;
}

function readCluster(cluster: Fields, place: KubeconfigPlace): Omit<ServerAccess, "identity"> | null {
  const server = cluster.requiredString("server", "Write the URL of the API server.");
  const url = server === null ? null : serverUrl(server);
  if (server !== null && url === null) {
    cluster.error("server", say("badServer", { url: quote(server) }));
  }
  if (cluster.string("proxy-url") !== null) {
    cluster.error("proxy-url", say("proxy"));
  }
  const isInsecure = cluster.boolean("insecure-skip-tls-verify", false);
  if (isInsecure) {
    cluster.warn("insecure-skip-tls-verify", say("insecure"));
  }
  const authority = readPem(cluster, "certificate-authority", place);
  if (isInsecure && authority !== null) {
    cluster.error("insecure-skip-tls-verify", say("insecureAuthority"));
  }
  return url === null ? null : { url, authority, serverName: cluster.string("tls-server-name"), isInsecure };
}

function serverUrl(text: string): string | null {
  const withScheme = text.includes("://") ? text : `https://${text}`;
  const url = URL.canParse(withScheme) ? new URL(withScheme) : null;
  const isPlain = url !== null && url.search === "" && url.hash === "" && url.username === "" && url.password === "";
  return isPlain && /^https?:$/.test(url.protocol) ? url.href.replace(/\/+$/, "") : null;
}

/** Data wins over a file of the same meaning, as with kubectl. */
function readPem(fields: Fields, key: string, place: KubeconfigPlace): Pem | null {
  const encoded = fields.secret(`${key}-data`);
  const path = fields.string(key);
  if (encoded === null) return path === null ? null : { type: "file", path: absolute(path, place) };
  const text = decodeBase64(encoded);
  if (text?.includes("-----BEGIN ") === true) return { type: "text", text };
  fields.error(`${key}-data`, say("notPem"));
  return null;
}

function decodeBase64(text: string): string | null {
  try {
    return atob(text.replace(/\s+/g, ""));
  } catch {
    return null;
  }
}

const absolute = (path: string, { directory }: KubeconfigPlace): string =>
  path.startsWith("/") ? path : `${directory}/${path}`;

/** Ways that were taken out of Kubernetes, or that need somebody at the keyboard. */
const UNSUPPORTED = [
  ["username", "noPasswords"],
  ["password", "noPasswords"],
  ["auth-provider", "noAuthProvider"],
  ["as", "noImpersonation"],
] as const;

/** Of several ways the first counts: token file, token, certificate, plugin. */
function readUser(user: Fields, place: KubeconfigPlace, cluster: Fields): Identity | null {
  for (const [field, why] of UNSUPPORTED) if (user.has(field)) user.error(field, say(why));
  const tokenFile = user.string("tokenFile");
  const token = user.secret("token");
  const certificate = readPem(user, "client-certificate", place);
  const key = readPem(user, "client-key", place);
  const exec = user.object("exec");
  if (token !== null && /[\r\n\0]/.test(token)) user.error("token", say("tokenLines"));
  if ((certificate === null) !== (key === null)) {
    const lacking = certificate === null ? "client-certificate" : "client-key";
    user.error(lacking, say("halfPair"));
    return null;
  }
  if (tokenFile !== null) return { type: "tokenFile", path: absolute(tokenFile, place) };
  if (token !== null) return { type: "token", token };
  if (certificate !== null && key !== null) return { type: "certificate", certificate, key };
  if (exec === null) return { type: "none" };
  const plugin = readPlugin(exec, place, cluster);
  return plugin === null ? null : { type: "exec", plugin };
}

function readPlugin(exec: Fields, place: KubeconfigPlace, cluster: Fields): ExecPlugin | null {
  const apiVersion = exec.word("apiVersion", EXEC_VERSIONS);
  if (!exec.has("apiVersion")) exec.error("apiVersion", say("pluginVersion", { versions: EXEC_VERSIONS.join(", ") }));
  const command = exec.requiredString("command");
  if (exec.string("interactiveMode") === "Always") {
    exec.error("interactiveMode", say("interactive"));
  }
  const env = exec.objects("env").map((e) => [e.requiredString("name") ?? "", e.secret("value") ?? ""] as const);
  const isTold = exec.boolean("provideClusterInfo", false);
  const told = {
    server: cluster.string("server"),
    "tls-server-name": cluster.string("tls-server-name"),
    "insecure-skip-tls-verify": cluster.boolean("insecure-skip-tls-verify", false),
    "certificate-authority-data": cluster.string("certificate-authority-data"),
  };
  if (apiVersion === null || command === null) return null;
  return {
    apiVersion,
    // a name with a slash is relative to the kubeconfig, one without is looked for in PATH
    command: command.includes("/") ? absolute(command, place) : command,
    args: exec.strings("args", true).map((arg) => arg.text),
    env,
    installHint: exec.string("installHint") ?? "",
    cluster: isTold ? Object.fromEntries(Object.entries(told).filter(([, value]) => value !== null)) : null,
  };
}

// The two servers that the behaviour suite is held against: ours, and the real one where KUBEBUILDER_ASSETS names a directory
// with `etcd` and `kube-apiserver`. Owns starting and stopping them. Knows nothing of what is tested. Contract: the suite asks
// both over HTTP alone; what only one can do stands in `ServerUnderTest` as null.
import { type ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApiServer } from "./apiServer.ts";
import { type Endpoint, TestClient } from "./testClient.ts";

export interface ServerUnderTest {
  readonly endpoint: Endpoint;
  /** Forgets the history up to now. */
  compact(): Promise<void>;
  /** A bookmark for every watch, now; null: they come when the server likes. */
  readonly bookmark: (() => void) | null;
  stop(): Promise<void>;
}

export interface Candidate {
  readonly name: string;
  /** Why it cannot run here; null: it can. */
  readonly problem: string | null;
  start(): Promise<ServerUnderTest>;
}

const ours: Candidate = {
  name: "the server of this directory",
  problem: null,
  start: async () => {
    const server = await startApiServer();
    return {
      endpoint: { url: server.url },
      compact: async () => server.compact(),
      bookmark: () => server.bookmark(),
      stop: () => server.stop(),
    };
  },
};

const assets = process.env.KUBEBUILDER_ASSETS;

function assetsProblem(): string | null {
  if (assets === undefined) return "KUBEBUILDER_ASSETS names no directory with etcd and kube-apiserver";
  const missing = ["etcd", "kube-apiserver"].filter((name) => !existsSync(join(assets, name)));
  return missing.length === 0 ? null : `there is no ${missing.join(" and no ")} in KUBEBUILDER_ASSETS (${assets})`;
}

const real: Candidate = {
  name: "kube-apiserver",
  problem: assetsProblem(),
  start: () => startReal(assets ?? ""),
};

export const CANDIDATES: readonly Candidate[] = [ours, real];

/** How long etcd or the API server may take to come up. */
const START_LIMIT_MS = 60_000;
const TOKEN = "behaviour-suite";

async function startReal(directory: string): Promise<ServerUnderTest> {
  const work = mkdtempSync(join(tmpdir(), "vipcast-kube-"));
  const [client, peer, api] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${client}`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keyFile = join(work, "accounts.key");
  writeFileSync(keyFile, privateKey.export({ type: "pkcs1", format: "pem" }));
  writeFileSync(join(work, "tokens.csv"), `${TOKEN},admin,admin,system:masters\n`);
  const etcd = run(join(directory, "etcd"), [
    `--data-dir=${join(work, "etcd")}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    `--listen-peer-urls=http://127.0.0.1:${peer}`,
    "--unsafe-no-fsync",
  ]);
  const server = run(join(directory, "kube-apiserver"), [
    `--etcd-servers=${etcdUrl}`,
    `--cert-dir=${join(work, "certs")}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${api}`,
    `--token-auth-file=${join(work, "tokens.csv")}`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://127.0.0.1",
    `--service-account-key-file=${keyFile}`,
    `--service-account-signing-key-file=${keyFile}`,
    "--disable-admission-plugins=ServiceAccount",
    "--service-cluster-ip-range=10.0.0.0/24",
  ]);
  const stop = async (): Promise<void> => {
    for (const child of [server, etcd]) await ended(child);
    rmSync(work, { recursive: true, force: true });
  };
  try {
    const certificate = join(work, "certs", "apiserver.crt");
    const url = `https://127.0.0.1:${api}`;
    await until(() => isReady(url, certificate));
    const endpoint = { url, ca: readFileSync(certificate, "utf8"), token: TOKEN };
    await until(async () => (await new TestClient(endpoint).get("/api/v1/namespaces/default")).code === 200);
    return { endpoint, compact: () => compactEtcd(etcdUrl), bookmark: null, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function isReady(url: string, certificate: string): Promise<boolean> {
  if (!existsSync(certificate)) return false;
  const endpoint = { url, ca: readFileSync(certificate, "utf8"), token: TOKEN };
  const answer = await new TestClient(endpoint).open("GET", "/readyz");
  answer.resume();
  return answer.statusCode === 200;
}

/** Through etcd's JSON gateway. */
async function compactEtcd(url: string): Promise<void> {
  const client = new TestClient({ url });
  const { body } = await client.create("/v3/kv/range", { key: Buffer.from("x").toString("base64") });
  const header = body.header as { readonly revision: string };
  const answer = await client.create("/v3/kv/compaction", { revision: header.revision });
  if (answer.code !== 200) throw new Error(`etcd did not compact: ${JSON.stringify(answer.body)}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const run = (program: string, args: readonly string[]): ChildProcess =>
  spawn(program, args, { stdio: ["ignore", "ignore", "ignore"] });

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const end = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await end;
  clearTimeout(late);
}

/** Another process offers no event to wait for. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const limit = performance.now() + START_LIMIT_MS;
  for (;;) {
    if (await isSo().catch(() => false)) return;
    if (performance.now() > limit) throw new Error(`not up after ${START_LIMIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

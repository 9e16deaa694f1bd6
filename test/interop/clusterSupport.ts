// What tests of our programs at an API server share: the server with MetalLB's kinds, a kubeconfig with a token, the built programs
// (program.ts), builders for objects. Owns no expectation. Contract: everything it made is gone after `close`; a program that still runs
// then is killed.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { packageRoot } from "../../lab/vipcast.ts";
import { serviceAccount, type User } from "../kube/access.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../kube/apiServer.ts";
import { makeAuthority, makeCertificate } from "../kube/certificates.ts";
import { install } from "../kube/install.ts";
import { type JsonObject, type KubeObject, list, object, text } from "../kube/objects.ts";
import { Program } from "./program.ts";

export const HOME = "metallb-system";
export const NODE = "worker-1";
export const ADMIN_TOKEN = "a-token-of-the-test";

/** An API server with MetalLB's kinds, and what reaches it. */
export class Cluster {
  readonly server: ApiServer;
  readonly directory: string;
  readonly #ca: string;
  readonly #programs: Program[] = [];

  private constructor(server: ApiServer, directory: string, ca: string) {
    this.server = server;
    this.directory = directory;
    this.#ca = ca;
  }

  static async start(options: ApiServerOptions = {}): Promise<Cluster> {
    const authority = makeAuthority();
    const tls = makeCertificate(authority, { commonName: "api", addresses: ["127.0.0.1"] });
    const tokens = { [ADMIN_TOKEN]: { name: "vipcast", groups: ["system:masters"] } };
    const server = await startApiServer({ tls, tokens, bookmarkEveryMs: 500, ...options });
    const cluster = new Cluster(server, mkdtempSync(join(tmpdir(), "cluster-")), authority.cert);
    install(server, "metallb");
    server.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: HOME } });
    return cluster;
  }

  /** @returns file of a kubeconfig with this token */
  kubeconfig(token = ADMIN_TOKEN): string {
    const file = join(this.directory, `kubeconfig-${token}`);
    writeFileSync(join(this.directory, token), token);
    writeFileSync(join(this.directory, "ca.crt"), this.#ca);
    const config = {
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "c", user: "u" } }],
      clusters: [{ name: "c", cluster: { server: this.server.url, "certificate-authority": "ca.crt" } }],
      users: [{ name: "u", user: { tokenFile: token } }],
    };
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** The roles of config/rbac in force, and a token of that program's account. */
  account(program: "speaker" | "controller"): string {
    const documents = parseAllDocuments(
      readFileSync(join(packageRoot(), "config", "rbac", program, "rbac.yaml"), "utf8"),
    );
    for (const document of documents) {
      const written = document.toJS() as KubeObject;
      const isClusterWide = written.kind.startsWith("Cluster");
      const metadata = isClusterWide ? written.metadata : { ...written.metadata, namespace: HOME };
      const subjects = list(written.subjects).map((subject) => ({ ...object(subject), namespace: HOME }));
      this.server.apply({ ...written, metadata, ...(subjects.length === 0 ? {} : { subjects }) });
    }
    const user: User = serviceAccount(HOME, `vipcast-${program}`);
    const token = `token-of-the-${program}`;
    this.server.tokens.set(token, user);
    return token;
  }

  run(command: "speaker" | "controller", ...args: readonly string[]): Program {
    const program = new Program(command, "--metrics", "127.0.0.1:0", ...args);
    this.#programs.push(program);
    return program;
  }

  own(kind: string, name: string, spec: JsonObject, version = "v1beta1"): void {
    this.server.apply({
      apiVersion: `metallb.io/${version}`,
      kind,
      metadata: { name, namespace: HOME },
      spec,
    });
  }

  /** A Service of type LoadBalancer without an address, and an endpoint for it. */
  service(name: string, spec: JsonObject = {}, metadata: JsonObject = {}): void {
    this.server.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace: "default", ...metadata },
      spec: {
        type: "LoadBalancer",
        externalTrafficPolicy: "Cluster",
        clusterIP: "10.0.0.10",
        clusterIPs: ["10.0.0.10"],
        ipFamilies: ["IPv4"],
        ipFamilyPolicy: "SingleStack",
        ports: [{ port: 80, protocol: "TCP" }],
        ...spec,
      },
    });
  }

  endpoint(service: string): void {
    this.server.apply({
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: `${service}-x`, namespace: "default", labels: { "kubernetes.io/service-name": service } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], nodeName: NODE, conditions: { ready: true } }],
      ports: [{ port: 80 }],
    });
  }

  /** Addresses by Service, of those that have any. */
  assigned(): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, readonly string[]>();
    for (const service of this.server.list("Service")) {
      const ips = ingressOf(service);
      if (ips.length > 0) found.set(service.metadata.name, ips);
    }
    return found;
  }

  async close(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.stop("SIGKILL")));
    await this.server.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export const ingressOf = (service: JsonObject): readonly string[] =>
  list(object(object(service.status).loadBalancer).ingress).map((entry) => text(object(entry).ip));

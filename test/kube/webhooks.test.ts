// The webhooks as an API server meets them: HTTPS with a certificate that it checks, reviews in, verdicts out, from the objects of the API
// server for tests.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { waitFor } from "../../lab/waitFor.ts";
import { startWebhooks, WEBHOOK_BODY, type Webhooks, type WebhooksConfig } from "../../src/app/webhooks.ts";
import { CONVERSION_PATH } from "../../src/hooks/conversion.ts";
import { VALIDATION_PATHS } from "../../src/hooks/review.ts";
import { WEBHOOK_CONFIGURATION } from "../../src/kube/resources.ts";
import { createLogger } from "../../src/observe/log.ts";
import { objectsIn, readConfig } from "../deploy/manifests.ts";
import { type ApiServer, startApiServer } from "./apiServer.ts";
import { makeAuthority, makeCertificate } from "./certificates.ts";
import { at, type Json, type JsonObject, list } from "./objects.ts";

(globalThis as { VIPCAST_VERSION?: string }).VIPCAST_VERSION = "0.0.0-test";

const HOME = "metallb-system";
const NAME = `metallb-webhook-service.${HOME}.svc`;
const authority = makeAuthority();

let directory = "";
let api: ApiServer;
let hooks: Webhooks | null = null;
let lines: string[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "webhooks-"));
  lines = [];
  api = await startApiServer();
  for (const definition of objectsIn(readConfig("crds/metallb/bgppeers.yaml"))) api.apply(definition);
});
afterEach(async () => {
  await hooks?.stop();
  hooks = null;
  await api.stop();
  rmSync(directory, { recursive: true });
});

function place(name: string, text: string): void {
  writeFileSync(join(directory, `${name}.new`), text);
  renameSync(join(directory, `${name}.new`), join(directory, name));
}

async function start(isGiven = true): Promise<number> {
  const { cert, key } = makeCertificate(authority, { commonName: "given", names: [NAME] });
  place("tls.crt", cert);
  place("tls.key", key);
  const config: WebhooksConfig = {
    webhooks: { host: "127.0.0.1", port: 0 },
    webhookCertDir: isGiven ? directory : null,
    webhookService: "metallb-webhook-service",
    webhookSecret: "metallb-webhook-cert",
    namespace: HOME,
    tlsMinVersion: "VersionTLS13",
    tlsCipherSuites: [],
    tlsCurvePreferences: [],
  };
  const access = {
    url: api.url,
    authority: null,
    serverName: null,
    isInsecure: false,
    identity: { type: "none" },
  } as const;
  const log = createLogger("debug", { write: (line: string) => void lines.push(line) }, () => 0);
  hooks = await startWebhooks(config, { type: "kubernetes", access, env: {} }, log, (error) => {
    throw error;
  });
  return hooks?.port() ?? 0;
}

const knows = (): Promise<unknown> =>
  waitFor(
    "the objects are listed",
    () => lines.some((l) => l.includes("know all objects")),
    (known) => known,
  );

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

/** As the API server asks: by the Service's name, trusting one authority. */
function post(port: number, path: string, body: string, ca = authority.cert): Promise<Answer> {
  const to = { host: "127.0.0.1", port, path, method: "POST", ca, servername: NAME, agent: false } as const;
  return new Promise((resolve, reject) => {
    const asked = request(to, async (response) => {
      let text = "";
      for await (const chunk of response) text += String(chunk);
      resolve({ status: response.statusCode, text });
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

const peer = (name: string, spec: JsonObject = {}): JsonObject => ({
  apiVersion: "metallb.io/v1beta2",
  kind: "BGPPeer",
  metadata: { name, namespace: HOME },
  spec: { myASN: 64512, peerASN: 64513, peerAddress: "192.0.2.1", ...spec },
});

async function review(port: number, object: JsonObject): Promise<JsonObject> {
  const kind = String(object.kind) as keyof typeof VALIDATION_PATHS;
  const asked = {
    uid: "u-1",
    operation: "CREATE",
    kind: { kind },
    namespace: HOME,
    name: at(object, "metadata", "name"),
    object,
  };
  const body = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: asked };
  const { status, text } = await post(port, VALIDATION_PATHS[kind], JSON.stringify(body));
  expect(status, text).toBe(200);
  return JSON.parse(text).response;
}

describe("the webhooks", () => {
  test("judge by what is at the API server, as it changes", async () => {
    api.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } });
    const port = await start();
    await knows();
    expect(await review(port, peer("p"))).toEqual({ uid: "u-1", allowed: true });
    api.apply(peer("other"));
    const verdict = await waitFor(
      "the twin is refused",
      () => review(port, peer("p")),
      (r) => r.allowed === false,
    );
    expect(at(verdict as Json, "status", "message")).toMatch(/^spec\.peerAddress: .*metallb-system\/other/);
  });

  test("let through with a warning what they cannot compare", async () => {
    await api.stop();
    const port = await start();
    expect(await review(port, peer("p"))).toMatchObject({
      allowed: true,
      warnings: [expect.stringMatching(/not compared/)],
    });
    expect(await review(port, peer("p", { myASN: 0 }))).toMatchObject({ allowed: false });
    api = await startApiServer();
  });

  test("convert", async () => {
    const port = await start();
    const asked = { uid: "u", desiredAPIVersion: "metallb.io/v1beta1", objects: [peer("p", { vrf: "red" })] };
    const body = { apiVersion: "apiextensions.k8s.io/v1", kind: "ConversionReview", request: asked };
    const { text } = await post(port, CONVERSION_PATH, JSON.stringify(body));
    const [converted] = JSON.parse(text).response.convertedObjects;
    expect(converted).toMatchObject({ apiVersion: "metallb.io/v1beta1", spec: { holdTime: "0s" } });
    expect(converted.spec.vrf).toBeUndefined();
  });

  test("follow the files of the certificate", async () => {
    const port = await start();
    const renewing = makeAuthority("the next one");
    const { cert, key } = makeCertificate(renewing, { commonName: "given", names: [NAME] });
    place("tls.key", key);
    place("tls.crt", cert);
    await expect(post(port, CONVERSION_PATH, "", renewing.cert)).rejects.toThrow();
    const asked = () => post(port, CONVERSION_PATH, "", renewing.cert).catch(() => null);
    await waitFor("the new certificate", asked, (answer) => answer?.status === 400, { timeoutMs: 25_000 });
  });

  test("make a certificate of their own, share it in a Secret, and have the API server trust it", async () => {
    const clientConfig = { service: { name: "metallb-webhook-service", namespace: HOME, path: "/x" } };
    api.apply({
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingWebhookConfiguration",
      metadata: { name: WEBHOOK_CONFIGURATION },
      webhooks: [{ name: "bgppeer.metallb.io", clientConfig, admissionReviewVersions: ["v1"], sideEffects: "None" }],
    });
    api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: HOME } });
    await start(false);
    const bundleOf = () => {
      const found = api.get("ValidatingWebhookConfiguration", "", WEBHOOK_CONFIGURATION);
      const [hook] = list(found.webhooks);
      return String(at(hook, "clientConfig", "caBundle") ?? "");
    };
    const bundle = await waitFor("the bundle", bundleOf, (text) => text !== "", {
      logs: [{ name: "log", logTail: () => lines.join("") }],
    });
    const port = await waitFor(
      "the server",
      () => hooks?.port() ?? null,
      (at) => at !== null,
    );
    const first = hooks;
    const ca = Buffer.from(bundle, "base64").toString();
    expect((await post(port ?? 0, CONVERSION_PATH, "{}", ca)).status).toBe(400);
    await start(false);
    const other = await waitFor(
      "the second replica",
      () => hooks?.port() ?? null,
      (at) => at !== null,
    );
    expect((await post(other ?? 0, CONVERSION_PATH, "{}", ca)).status).toBe(400);
    expect(bundleOf()).toBe(bundle);
    expect(lines.join("")).not.toContain("PRIVATE KEY");
    await first?.stop();
  });

  test.each([
    ["that is no review", CONVERSION_PATH, "{}", 400],
    ["that is no review", VALIDATION_PATHS.BGPPeer, "[]", 400],
    ["to a path that there is not", "/validate-me", "{}", 405],
    ["beyond the limit", VALIDATION_PATHS.BGPPeer, " ".repeat(WEBHOOK_BODY + 1), 413],
  ])("answer a POST %s (%s) with a status", async (_what, path, body, status) => {
    expect((await post(await start(), path, body)).status).toBe(status);
  });
});

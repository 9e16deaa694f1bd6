// What only the server of this directory can do: fail on demand, be looked into, and tell who may do what.
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { serviceAccount } from "./access.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "./apiServer.ts";
import { makeAuthority, makeCertificate } from "./certificates.ts";
import { list, object, text } from "./objects.ts";
import { TestClient } from "./testClient.ts";

let server: ApiServer;

const start = async (options: ApiServerOptions = {}): Promise<TestClient> => {
  server = await startApiServer(options);
  return new TestClient({ url: server.url });
};

afterEach(() => server.stop());

const NODES = "/api/v1/nodes";
const node = (name: string): string => `{apiVersion: v1, kind: Node, metadata: {name: ${name}}}`;

const bodyOf = async (client: TestClient, path: string): Promise<string> => {
  const response = await client.open("GET", path);
  let whole = "";
  response.setEncoding("utf8");
  for await (const chunk of response) whole += chunk;
  return whole;
};

describe("faults", () => {
  test("an answer with Retry-After comes as often as asked for", async () => {
    const client = await start();
    const fault = server.fault(
      { type: "status", code: 429, retryAfterSeconds: 7 },
      { verb: "list", resource: "nodes" },
      2,
    );
    const codes = [];
    for (let i = 0; i < 3; i++) codes.push((await client.get(NODES)).code);
    expect(codes).toEqual([429, 429, 200]);
    expect(fault.hits).toBe(2);
    server.fault({ type: "status", code: 429, retryAfterSeconds: 7 });
    expect((await client.get(NODES)).headers["retry-after"]).toBe("7");
  });

  test.each([500, 401, 503])("an answer %i is a Status object", async (code) => {
    const client = await start();
    server.fault({ type: "status", code });
    const answer = await client.get(NODES);
    expect([answer.code, answer.body.kind, answer.body.code]).toEqual([code, "Status", code]);
  });

  test("a verb can be forbidden on one resource while the rest works", async () => {
    const client = await start();
    const armed = server.forbid({ verb: ["list", "watch"], resource: "secrets" });
    expect((await client.get("/api/v1/secrets")).code).toBe(403);
    expect((await client.get(NODES)).code).toBe(200);
    armed.disarm();
    expect((await client.get("/api/v1/secrets")).code).toBe(200);
  });

  test.each([0, 10])("a connection is reset after %i octets", async (afterBytes) => {
    const client = await start();
    server.fault({ type: "cut", afterBytes }, { resource: "nodes" });
    await expect(bodyOf(client, NODES)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect((await client.get(NODES)).code).toBe(200);
  });

  test("a connection is kept and says nothing more after some octets", async () => {
    const client = await start();
    server.fault({ type: "stall", afterBytes: 10 }, { resource: "nodes" });
    const response = await client.open("GET", NODES);
    const [first] = await once(response, "data");
    expect((first as Buffer).length).toBe(10);
    const more = await Promise.race([
      once(response, "data"),
      new Promise((resolve) => setTimeout(resolve, 100, "silence")),
    ]);
    expect(more).toBe("silence");
    expect(response.socket.destroyed).toBe(false);
    response.destroy();
  });

  test.each([
    ["slow", { type: "slow", bytes: 7, everyMs: 1 }],
    ["in pieces", { type: "chunks", sizes: [1, 2, 1, 3, 17] }],
  ] as const)("an answer that comes %s is whole in the end", async (_how, fault) => {
    const client = await start();
    server.apply("{apiVersion: v1, kind: Node, metadata: {name: a, annotations: {text: größer ✓ 𝄞}}}");
    const plain = await bodyOf(client, NODES);
    server.fault(fault, { resource: "nodes" });
    expect(await bodyOf(client, NODES)).toBe(plain);
  });

  test("a body can be anything", async () => {
    const client = await start();
    server.fault({ type: "garbage", body: '{"type":"ADDED"' }, { verb: "watch" });
    expect(await bodyOf(client, `${NODES}?watch=true`)).toBe('{"type":"ADDED"');
  });

  test.each(["status", "event"] as const)("a compacted revision is told as %s", async (how) => {
    const client = await start({ goneAs: how });
    const revision = server.store.revision;
    server.apply(node("a"));
    server.compact();
    const watch = await client.watch(`${NODES}?watch=true&resourceVersion=${revision}`);
    if (how === "status") expect(watch.code).toBe(410);
    else {
      const event = await watch.next();
      expect([watch.code, event?.type, event?.object.code]).toEqual([200, "ERROR", 410]);
      expect(await watch.next()).toBeNull();
    }
    watch.close();
  });

  test("open watches can be ended, muted and reset, one resource at a time", async () => {
    const client = await start();
    const [nodes, secrets] = [await client.watch(`${NODES}?watch=1`), await client.watch("/api/v1/secrets?watch=1")];
    expect(server.openWatches).toBe(2);
    server.closeWatches("nodes");
    expect(await nodes.next()).toBeNull();
    expect(server.openWatches).toBe(1);
    server.closeWatches("secrets", "gone");
    expect((await secrets.next())?.type).toBe("ERROR");
    const again = await client.watch(`${NODES}?watch=1`);
    server.cut();
    await expect(again.next()).rejects.toMatchObject({ code: "ECONNRESET" });
    const muted = await client.watch(`${NODES}?watch=1`);
    server.stall("nodes");
    server.apply(node("unheard"));
    const heard = await Promise.race([muted.next(), new Promise((resolve) => setTimeout(resolve, 100, "silence"))]);
    expect(heard).toBe("silence");
    muted.close();
  });

  test("a list that may be stale is, while the cache is frozen", async () => {
    const client = await start();
    server.freezeCache(true);
    server.apply(node("new"));
    expect(list((await client.get(`${NODES}?resourceVersion=0`)).body.items)).toHaveLength(0);
    expect(list((await client.get(NODES)).body.items)).toHaveLength(1);
    server.freezeCache(false);
    expect(list((await client.get(`${NODES}?resourceVersion=0`)).body.items)).toHaveLength(1);
  });

  test("it can be away and come back at the same place with all it had", async () => {
    const client = await start();
    server.apply(node("a"));
    await server.stop();
    await expect(client.get(NODES)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await server.listen();
    expect(list((await client.get(NODES)).body.items)).toHaveLength(1);
  });

  test("while it is mute, requests arrive and are not answered", async () => {
    const client = await start();
    server.mute(true);
    const answer = client.get(NODES).then(
      () => "answer",
      () => "cut",
    );
    await server.requests.until({ verb: "list", resource: "nodes" });
    server.cut();
    expect(await answer).toBe("cut");
    server.mute(false);
  });
});

describe("the log of requests", () => {
  test("counts what was asked, by verb and resource", async () => {
    const client = await start();
    await client.get(NODES);
    await client.get(`${NODES}/missing`);
    expect(server.requests.count({ resource: "nodes" })).toBe(2);
    expect(server.requests.find({ verb: "get", code: 404 }).map((r) => r.name)).toEqual(["missing"]);
  });

  test("tells what came instead of what was waited for", async () => {
    const client = await start();
    await client.get(NODES);
    const wait = server.requests.until({ verb: "watch" }, 1, 20);
    await expect(wait).rejects.toThrow(/0 of 1 requests .*\n.*\n?list \/api\/v1\/nodes 200/);
  });
});

describe("access", () => {
  const account = serviceAccount("metallb-system", "speaker");
  const rules = (what: string): string => `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: speaker}
rules: [${what}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: speaker}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: speaker}
subjects: [{kind: ServiceAccount, namespace: metallb-system, name: speaker}]`;

  const asSpeaker = (): TestClient => new TestClient({ url: server.url, token: "good" });

  test("a token names its user, an unknown one is refused, none is nobody", async () => {
    const anonymous = await start({ tokens: { good: account } });
    expect((await asSpeaker().get(NODES)).code).toBe(403);
    expect((await new TestClient({ url: server.url, token: "bad" }).get(NODES)).code).toBe(401);
    expect((await anonymous.get(NODES)).code).toBe(403);
    expect(server.requests.find({ code: 403 })[0]?.user).toBe("system:serviceaccount:metallb-system:speaker");
  });

  test("a role allows what it says and no more; the error names what is missing", async () => {
    await start({ tokens: { good: account } });
    server.apply(rules('{apiGroups: [""], resources: [nodes], verbs: [list]}'));
    expect((await asSpeaker().get(NODES)).code).toBe(200);
    const { code, body } = await asSpeaker().get(`${NODES}?watch=true`);
    expect(code).toBe(403);
    expect(text(body.message)).toContain('cannot watch resource "nodes" in API group "" at the cluster scope');
  });

  test("a role for one name allows to list and watch what is selected by that name alone", async () => {
    await start({ tokens: { good: account } });
    server.apply(rules('{apiGroups: [""], resources: [nodes], resourceNames: [a], verbs: [list]}'));
    expect((await asSpeaker().get(`${NODES}?fieldSelector=metadata.name%3Da`)).code).toBe(200);
    expect((await asSpeaker().get(`${NODES}?fieldSelector=metadata.name%3Db`)).code).toBe(403);
    expect((await asSpeaker().get(NODES)).code).toBe(403);
  });

  test("a token taken away is refused from then on", async () => {
    await start({ tokens: { good: account } });
    server.apply(rules('{apiGroups: [""], resources: ["*"], verbs: ["*"]}'));
    expect((await asSpeaker().get(NODES)).code).toBe(200);
    server.tokens.delete("good");
    server.tokens.set("new", account);
    expect((await asSpeaker().get(NODES)).code).toBe(401);
  });

  test("reviews answer who a token is and what a user may", async () => {
    await start({ tokens: { good: account, scraper: { name: "scraper", groups: [] } } });
    server.apply(
      rules(
        "{apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}, {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}, {nonResourceURLs: [/metrics], verbs: [get]}",
      ),
    );
    const reviewed = async (token: string) => {
      const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
      return object((await asSpeaker().create("/apis/authentication.k8s.io/v1/tokenreviews", body)).body.status);
    };
    expect(await reviewed("scraper")).toMatchObject({ authenticated: true, user: { username: "scraper" } });
    expect(await reviewed("nobody")).toMatchObject({ authenticated: false });
    const may = async (user: string) => {
      const spec = { user, nonResourceAttributes: { path: "/metrics", verb: "get" } };
      const body = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
      return object((await asSpeaker().create("/apis/authorization.k8s.io/v1/subjectaccessreviews", body)).body.status);
    };
    expect([await may(account.name), await may("scraper")]).toEqual([{ allowed: true }, { allowed: false }]);
  });

  test("over TLS, a client's certificate names its user and group", async () => {
    const authority = makeAuthority();
    const { cert, key } = makeCertificate(authority, { commonName: "server", addresses: ["127.0.0.1"] });
    await start({ tls: { cert, key, clientCa: authority.cert } });
    const known = makeCertificate(authority, { commonName: "admin", organization: "system:masters" });
    const url = server.url;
    expect(url).toMatch(/^https:/);
    expect((await new TestClient({ url, ca: authority.cert, ...known }).get(NODES)).code).toBe(200);
    expect((await new TestClient({ url, ca: authority.cert }).get(NODES)).code).toBe(403);
    await expect(new TestClient({ url }).get(NODES)).rejects.toThrow(/certificate/);
    server.fault({ type: "cut", afterBytes: 5 });
    await expect(new TestClient({ url, ca: authority.cert, ...known }).get(NODES)).rejects.toMatchObject({
      code: "ECONNRESET",
    });
  });
});

describe("dependents", () => {
  test("go with their last owner, and everything goes with its namespace", async () => {
    await start();
    server.apply("{apiVersion: v1, kind: Pod, metadata: {name: speaker, namespace: metallb-system}}");
    const { uid } = server.get("Pod", "metallb-system", "speaker").metadata;
    const owner = `{apiVersion: v1, kind: Pod, name: speaker, uid: ${String(uid)}}`;
    server.apply(
      `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: metallb-system, ownerReferences: [${owner}]}}`,
    );
    server.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: metallb-system}}");
    server.delete("Pod", "metallb-system", "speaker");
    expect(server.list("ConfigMap").map((o) => o.metadata.name)).toEqual(["b"]);
    server.delete("Namespace", "", "metallb-system");
    expect(server.list("ConfigMap")).toEqual([]);
  });
});

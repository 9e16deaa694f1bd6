// What an API server does, told over HTTP: the same sentences for the server of this directory and for the real one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { type Json, type JsonObject, list, object, text } from "./objects.ts";
import { CANDIDATES, type ServerUnderTest } from "./serverUnderTest.ts";
import { TestClient } from "./testClient.ts";

const NAMESPACE = "behaviour";
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const SERVICES = `/api/v1/namespaces/${NAMESPACE}/services`;

const configMap = (name: string, data: JsonObject = {}, labels: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels },
  data,
});

const service = (name: string, more: JsonObject = {}): JsonObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name },
  spec: { type: "LoadBalancer", ports: [{ name: "http", port: 80, protocol: "TCP" }], ...more },
});

const revisionOf = (body: JsonObject): string => text(object(body.metadata).resourceVersion);
const namesOf = (body: JsonObject): readonly string[] =>
  list(body.items).map((i) => text(object(object(i).metadata).name));
const nameOf = (value: Json | undefined): string => text(object(object(value).metadata).name);

describe.each(CANDIDATES)("$name", (candidate) => {
  describe.skipIf(candidate.problem !== null)(titleOrSkip("behaves as an API server", candidate.problem), () => {
    let server: ServerUnderTest;
    let client: TestClient;

    beforeAll(async () => {
      server = await candidate.start();
      client = new TestClient(server.endpoint);
      await client.create("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
    }, 120_000);

    afterAll(() => server.stop());

    beforeEach(async () => {
      await client.delete(CONFIG_MAPS);
      await client.delete(SERVICES);
    });

    describe("an object", () => {
      test("gets uid, creation time and revision when it is created, and is found again", async () => {
        const made = await client.create(CONFIG_MAPS, configMap("a", { key: "value" }));
        expect(made.code).toBe(201);
        expect(object(made.body.metadata)).toMatchObject({
          name: "a",
          namespace: NAMESPACE,
          uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
          creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          resourceVersion: expect.stringMatching(/^\d+$/),
        });
        const found = await client.get(`${CONFIG_MAPS}/a`);
        expect(found.body).toEqual(made.body);
      });

      test("gets a name from generateName", async () => {
        const body = { ...configMap(""), metadata: { generateName: "bgp-" } };
        const [one, two] = [await client.create(CONFIG_MAPS, body), await client.create(CONFIG_MAPS, body)];
        expect(nameOf(one.body)).toMatch(/^bgp-[a-z0-9]{5}$/);
        expect(nameOf(one.body)).not.toBe(nameOf(two.body));
      });

      test.each([
        ["twice by one name", 409, "AlreadyExists", () => client.create(CONFIG_MAPS, configMap("twice"))],
        ["by no name", 422, "Invalid", () => client.create(CONFIG_MAPS, configMap(""))],
        [
          "in a namespace that is not there",
          404,
          "NotFound",
          () => client.create("/api/v1/namespaces/nowhere/configmaps", configMap("a")),
        ],
        ["of another kind than the path", 400, "BadRequest", () => client.create(CONFIG_MAPS, service("a"))],
      ])("cannot be created %s", async (_how, code, reason, create) => {
        await client.create(CONFIG_MAPS, configMap("twice"));
        const { code: got, body } = await create();
        expect([got, body.kind, body.status, body.reason]).toEqual([code, "Status", "Failure", reason]);
      });

      test("that is not there is answered with 404 and its name", async () => {
        const { code, body } = await client.get(`${CONFIG_MAPS}/missing`);
        expect(code).toBe(404);
        expect(object(body.details)).toMatchObject({ name: "missing", kind: "configmaps" });
      });

      test("is gone after a deletion", async () => {
        await client.create(CONFIG_MAPS, configMap("a"));
        expect((await client.delete(`${CONFIG_MAPS}/a`)).code).toBe(200);
        expect((await client.get(`${CONFIG_MAPS}/a`)).code).toBe(404);
      });

      test("with a finalizer is only marked, until the finalizer goes", async () => {
        const body = { ...configMap("held"), metadata: { name: "held", finalizers: ["vipcast.io/test"] } };
        await client.create(CONFIG_MAPS, body);
        await client.delete(`${CONFIG_MAPS}/held`);
        const marked = await client.get(`${CONFIG_MAPS}/held`);
        expect(object(marked.body.metadata).deletionTimestamp).toBeTypeOf("string");
        await client.patch(`${CONFIG_MAPS}/held`, { metadata: { finalizers: null } });
        expect((await client.get(`${CONFIG_MAPS}/held`)).code).toBe(404);
      });
    });

    describe("an update", () => {
      test("from an old revision is a conflict", async () => {
        const { body: first } = await client.create(CONFIG_MAPS, configMap("a", { n: "1" }));
        const second = await client.update(`${CONFIG_MAPS}/a`, { ...first, data: { n: "2" } });
        expect(second.code).toBe(200);
        const late = await client.update(`${CONFIG_MAPS}/a`, { ...first, data: { n: "3" } });
        expect([late.code, late.body.reason]).toEqual([409, "Conflict"]);
        expect((await client.get(`${CONFIG_MAPS}/a`)).body.data).toEqual({ n: "2" });
      });

      test("that changes nothing makes no revision", async () => {
        const { body: first } = await client.create(CONFIG_MAPS, configMap("a", { n: "1" }));
        const again = await client.update(`${CONFIG_MAPS}/a`, first);
        expect(revisionOf(again.body)).toBe(revisionOf(first));
      });

      test("of the object leaves the status, one of the status leaves the object", async () => {
        const { body: made } = await client.create(SERVICES, {
          ...service("a"),
          status: { loadBalancer: { ingress: [{ ip: "192.0.2.9" }] } },
        });
        expect(object(made.status).loadBalancer ?? {}).toEqual({});
        const status = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };
        const set = await client.update(`${SERVICES}/a/status`, {
          ...made,
          spec: { ...object(made.spec), type: "ClusterIP" },
          status,
        });
        expect(object(object(set.body.status).loadBalancer).ingress).toMatchObject([{ ip: "192.0.2.1" }]);
        expect(object(set.body.spec).type).toBe("LoadBalancer");
        const labelled = { ...set.body, metadata: { ...object(set.body.metadata), labels: { a: "b" } }, status: {} };
        const kept = await client.update(`${SERVICES}/a`, labelled);
        expect(object(object(kept.body.status).loadBalancer).ingress).toMatchObject([{ ip: "192.0.2.1" }]);
      });
    });

    describe("a patch", () => {
      test("merges, and null takes away", async () => {
        await client.create(CONFIG_MAPS, configMap("a", { keep: "1", drop: "2" }));
        const { code, body } = await client.patch(`${CONFIG_MAPS}/a`, { data: { drop: null, add: "3" } });
        expect([code, body.data]).toEqual([200, { keep: "1", add: "3" }]);
      });

      test("merges lists by their key where it is strategic", async () => {
        await client.create(SERVICES, service("a"));
        const ports = [{ name: "https", port: 443, protocol: "TCP" }];
        const type = "application/strategic-merge-patch+json";
        const { body } = await client.patch(`${SERVICES}/a`, { spec: { ports } }, type);
        const found = list(object(body.spec).ports).map((p) => object(p).port);
        expect([...found].sort()).toEqual([443, 80]);
      });

      test("of JSON operations is applied in order", async () => {
        await client.create(CONFIG_MAPS, configMap("a", { n: "1" }));
        const steps = [
          { op: "test", path: "/data/n", value: "1" },
          { op: "replace", path: "/data/n", value: "2" },
          { op: "add", path: "/data/m", value: "3" },
        ];
        const { body } = await client.patch(`${CONFIG_MAPS}/a`, steps, "application/json-patch+json");
        expect(body.data).toEqual({ n: "2", m: "3" });
      });

      test("with an old revision in it is a conflict", async () => {
        const { body: first } = await client.create(CONFIG_MAPS, configMap("a"));
        await client.patch(`${CONFIG_MAPS}/a`, { data: { n: "1" } });
        const late = await client.patch(`${CONFIG_MAPS}/a`, {
          metadata: { resourceVersion: revisionOf(first) },
          data: { n: "2" },
        });
        expect(late.code).toBe(409);
      });

      test("of an unknown type is refused with 415", async () => {
        await client.create(CONFIG_MAPS, configMap("a"));
        expect((await client.patch(`${CONFIG_MAPS}/a`, {}, "application/unknown+json")).code).toBe(415);
      });
    });

    describe("server-side apply", () => {
      const APPLY = "application/apply-patch+yaml";
      const apply = (manager: string, data: JsonObject, more = "") =>
        client.patch(`${CONFIG_MAPS}/applied?fieldManager=${manager}${more}`, configMap("applied", data), APPLY);

      test("creates, and takes away what its manager no longer says", async () => {
        const made = await apply("one", { a: "1", b: "2" });
        expect(made.code).toBe(201);
        const again = await apply("one", { a: "1" });
        expect([again.code, again.body.data]).toEqual([200, { a: "1" }]);
      });

      test("refuses to change what another manager holds, unless forced", async () => {
        await apply("one", { a: "1" });
        const refused = await apply("two", { a: "2", b: "3" });
        expect([refused.code, refused.body.reason]).toEqual([409, "Conflict"]);
        expect(list(object(refused.body.details).causes).map((c) => object(c).field)).toEqual([".data.a"]);
        const forced = await apply("two", { a: "2", b: "3" }, "&force=true");
        expect(forced.body.data).toEqual({ a: "2", b: "3" });
        // what it lost it no longer takes away
        expect((await apply("one", {})).body.data).toEqual({ a: "2", b: "3" });
      });

      test("makes no revision when it is repeated", async () => {
        const first = await apply("one", { a: "1" });
        const second = await apply("one", { a: "1" });
        expect(revisionOf(second.body)).toBe(revisionOf(first.body));
      });

      test("without a manager is refused", async () => {
        const { code } = await client.patch(`${CONFIG_MAPS}/applied`, configMap("applied"), APPLY);
        expect(code).toBe(400);
      });
    });

    describe("a list", () => {
      beforeEach(async () => {
        for (const name of ["a", "b", "c", "d", "e"]) {
          await client.create(CONFIG_MAPS, configMap(name, {}, { letter: name, ...(name < "c" ? { early: "" } : {}) }));
        }
      });

      test("comes in pages of one revision, whatever happens in between", async () => {
        const first = await client.get(`${CONFIG_MAPS}?limit=2`);
        expect(namesOf(first.body)).toEqual(["a", "b"]);
        await client.delete(`${CONFIG_MAPS}/d`);
        await client.create(CONFIG_MAPS, configMap("bb"));
        const token = encodeURIComponent(text(object(first.body.metadata).continue));
        const second = await client.get(`${CONFIG_MAPS}?limit=2&continue=${token}`);
        expect(namesOf(second.body)).toEqual(["c", "d"]);
        const rest = encodeURIComponent(text(object(second.body.metadata).continue));
        const third = await client.get(`${CONFIG_MAPS}?limit=2&continue=${rest}`);
        expect(namesOf(third.body)).toEqual(["e"]);
        expect(text(object(third.body.metadata).continue)).toBe("");
        expect([revisionOf(second.body), revisionOf(third.body)]).toEqual([
          revisionOf(first.body),
          revisionOf(first.body),
        ]);
      });

      test("whose token was compacted away is answered with 410 and a token to go on with", async () => {
        const first = await client.get(`${CONFIG_MAPS}?limit=2`);
        await client.create(CONFIG_MAPS, configMap("later"));
        await server.compact();
        const token = encodeURIComponent(text(object(first.body.metadata).continue));
        const gone = await client.get(`${CONFIG_MAPS}?limit=2&continue=${token}`);
        expect([gone.code, gone.body.reason]).toEqual([410, "Expired"]);
        const next = encodeURIComponent(text(object(gone.body.metadata).continue));
        const rest = await client.get(`${CONFIG_MAPS}?limit=10&continue=${next}`);
        expect(namesOf(rest.body)).toEqual(["c", "d", "e", "later"]);
      });

      test("of an exact revision is as it was then, and 410 once that is compacted", async () => {
        const then = revisionOf((await client.get(CONFIG_MAPS)).body);
        await client.delete(`${CONFIG_MAPS}/a`);
        const exact = `${CONFIG_MAPS}?resourceVersion=${then}&resourceVersionMatch=Exact`;
        expect(namesOf((await client.get(exact)).body)).toEqual(["a", "b", "c", "d", "e"]);
        await server.compact();
        expect((await client.get(exact)).code).toBe(410);
      });

      test.each([
        ["letter=a", ["a"]],
        ["letter==a", ["a"]],
        ["letter!=a", ["b", "c", "d", "e"]],
        ["letter in (a, e),early", ["a"]],
        ["letter notin (a,b,c)", ["d", "e"]],
        ["!early", ["c", "d", "e"]],
        ["early", ["a", "b"]],
        ["early=", ["a", "b"]],
      ])("by labels %s", async (selector, expected) => {
        const { body } = await client.get(`${CONFIG_MAPS}?labelSelector=${encodeURIComponent(selector)}`);
        expect(namesOf(body)).toEqual(expected);
      });

      test.each([
        ["metadata.name=c", ["c"]],
        ["metadata.name!=c", ["a", "b", "d", "e"]],
        [`metadata.namespace=${NAMESPACE},metadata.name=a`, ["a"]],
        ["metadata.namespace=elsewhere", []],
      ])("by fields %s", async (selector, expected) => {
        const { body } = await client.get(`${CONFIG_MAPS}?fieldSelector=${encodeURIComponent(selector)}`);
        expect(namesOf(body)).toEqual(expected);
      });

      test.each(["labelSelector=a=b=c", "labelSelector=in (", "fieldSelector=data.x=1", "resourceVersion=abc"])(
        "is refused with 400: %s",
        async (query) => {
          expect((await client.get(`${CONFIG_MAPS}?${encodeURI(query)}`)).code).toBe(400);
        },
      );

      test("of a revision that is not yet is answered with a time-out", async () => {
        const { code } = await client.get(`${CONFIG_MAPS}?resourceVersion=999999999`);
        expect(code).toBe(504);
      });
    });

    describe("a watch", () => {
      test("tells what happens after the revision it starts at, in order", async () => {
        const start = revisionOf((await client.get(CONFIG_MAPS)).body);
        const { body: made } = await client.create(CONFIG_MAPS, configMap("a", { n: "1" }));
        const watch = await client.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${start}`);
        await client.update(`${CONFIG_MAPS}/a`, { ...made, data: { n: "2" } });
        await client.delete(`${CONFIG_MAPS}/a`);
        const events = await watch.take(3);
        watch.close();
        expect(events.map((e) => [e.type, object(e.object.data).n])).toEqual([
          ["ADDED", "1"],
          ["MODIFIED", "2"],
          ["DELETED", "2"],
        ]);
        const revisions = events.map((e) => Number(revisionOf(e.object)));
        expect([...revisions].sort((a, b) => a - b)).toEqual(revisions);
        expect(new Set(revisions).size).toBe(3);
      });

      test("without a revision begins with what is there", async () => {
        await client.create(CONFIG_MAPS, configMap("a"));
        await client.create(CONFIG_MAPS, configMap("b"));
        const watch = await client.watch(`${CONFIG_MAPS}?watch=true`);
        const events = await watch.take(2);
        watch.close();
        expect(events.map((e) => [e.type, nameOf(e.object)]).sort()).toEqual([
          ["ADDED", "a"],
          ["ADDED", "b"],
        ]);
      });

      test("by label tells of an object that leaves the selection as of one deleted", async () => {
        const start = revisionOf((await client.get(CONFIG_MAPS)).body);
        await client.create(CONFIG_MAPS, configMap("a", {}, { app: "x" }));
        await client.patch(`${CONFIG_MAPS}/a`, { metadata: { labels: { app: "y" } } });
        await client.patch(`${CONFIG_MAPS}/a`, { metadata: { labels: { app: "x" } } });
        const watch = await client.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${start}&labelSelector=app%3Dx`);
        const events = await watch.take(3);
        watch.close();
        expect(events.map((e) => [e.type, object(object(e.object.metadata).labels).app])).toEqual([
          ["ADDED", "x"],
          ["DELETED", "x"],
          ["ADDED", "x"],
        ]);
      });

      test("ends when the time it asked for is over", async () => {
        const start = revisionOf((await client.get(CONFIG_MAPS)).body);
        const before = performance.now();
        const watch = await client.watch(`${CONFIG_MAPS}?watch=true&resourceVersion=${start}&timeoutSeconds=1`);
        expect(await watch.next()).toBeNull();
        expect(performance.now() - before).toBeGreaterThan(900);
      });

      test("that asks for bookmarks gets one with a newer revision before its end", async () => {
        const start = revisionOf((await client.get(CONFIG_MAPS)).body);
        const path = `${CONFIG_MAPS}?watch=true&resourceVersion=${start}&allowWatchBookmarks=true&timeoutSeconds=5`;
        const watch = await client.watch(path);
        const made = await client.create(CONFIG_MAPS, configMap("a"));
        server.bookmark?.();
        const [added, bookmark] = await watch.take(2);
        watch.close();
        expect([added?.type, bookmark?.type]).toEqual(["ADDED", "BOOKMARK"]);
        expect(Number(revisionOf(bookmark?.object ?? {}))).toBeGreaterThanOrEqual(Number(revisionOf(made.body)));
        expect(bookmark?.object.kind).toBe("ConfigMap");
      });

      test("with initial events says by a bookmark where they end", async () => {
        await client.create(CONFIG_MAPS, configMap("a"));
        const query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
        const watch = await client.watch(`${CONFIG_MAPS}?${query}`);
        const [added, end] = await watch.take(2);
        watch.close();
        expect([added?.type, end?.type]).toEqual(["ADDED", "BOOKMARK"]);
        expect(object(object(end?.object.metadata).annotations)).toEqual({ "k8s.io/initial-events-end": "true" });
      });
    });

    describe("a definition", () => {
      const DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
      const WIDGETS = `/apis/behaviour.vipcast.io/v1/namespaces/${NAMESPACE}/widgets`;
      const definition: JsonObject = {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name: "widgets.behaviour.vipcast.io" },
        spec: {
          group: "behaviour.vipcast.io",
          scope: "Namespaced",
          names: { plural: "widgets", singular: "widget", kind: "Widget", listKind: "WidgetList" },
          versions: [
            {
              name: "v1",
              served: true,
              storage: true,
              subresources: { status: {} },
              schema: {
                openAPIV3Schema: {
                  type: "object",
                  properties: {
                    spec: {
                      type: "object",
                      required: ["size"],
                      properties: {
                        size: { type: "integer", minimum: 1, maximum: 9 },
                        color: { type: "string", enum: ["red", "blue"], default: "red" },
                        tags: { type: "array", items: { type: "string" } },
                      },
                    },
                    status: { type: "object", properties: { seen: { type: "integer" } } },
                  },
                },
              },
            },
          ],
        },
      };
      const widget = (name: string, spec: JsonObject): JsonObject => ({
        apiVersion: "behaviour.vipcast.io/v1",
        kind: "Widget",
        metadata: { name },
        spec,
      });

      beforeAll(async () => {
        await client.create(DEFINITIONS, definition);
        for (let i = 0; i < 100 && (await client.get(WIDGETS)).code !== 200; i++) {
          await new Promise((resolve) => setTimeout(resolve, 100)); // the real server takes its time to serve it
        }
      });

      test("brings its kind: defaults are put in, unknown fields taken out", async () => {
        const { code, body } = await client.create(WIDGETS, widget("w1", { size: 3, unknown: true }));
        expect([code, body.spec]).toEqual([201, { size: 3, color: "red" }]);
        expect(object(body.metadata).generation).toBe(1);
      });

      test.each([
        ["a required field is missing", {}, "spec.size"],
        ["a number is too large", { size: 10 }, "spec.size"],
        ["a number is a text", { size: "3" }, "spec.size"],
        ["a word is not of the list", { size: 1, color: "green" }, "spec.color"],
        ["an element has the wrong type", { size: 1, tags: ["a", 2] }, "spec.tags[1]"],
      ])("refuses an object when %s", async (_what, spec, field) => {
        const { code, body } = await client.create(WIDGETS, widget("bad", spec));
        expect([code, body.reason]).toEqual([422, "Invalid"]);
        expect(list(object(body.details).causes).map((c) => object(c).field)).toContain(field);
      });

      test("counts changes of the spec in generation, those of the status not", async () => {
        await client.create(WIDGETS, widget("w2", { size: 1 }));
        const changed = await client.patch(`${WIDGETS}/w2`, { spec: { size: 2 } });
        expect(object(changed.body.metadata).generation).toBe(2);
        const status = await client.patch(`${WIDGETS}/w2/status`, { status: { seen: 1 }, spec: { size: 3 } });
        expect([object(status.body.metadata).generation, status.body.spec, status.body.status]).toEqual([
          2,
          { size: 2, color: "red" },
          { seen: 1 },
        ]);
      });

      test("has no strategic merge patch", async () => {
        await client.create(WIDGETS, widget("w3", { size: 1 }));
        const type = "application/strategic-merge-patch+json";
        expect((await client.patch(`${WIDGETS}/w3`, { spec: { size: 2 } }, type)).code).toBe(415);
      });

      test("wants the revision in an update", async () => {
        await client.create(WIDGETS, widget("w4", { size: 1 }));
        expect((await client.update(`${WIDGETS}/w4`, widget("w4", { size: 2 }))).code).toBe(422);
      });
    });

    test("a kind that nobody defined is answered with 404", async () => {
      expect((await client.get("/apis/nobody.vipcast.io/v1/things")).code).toBe(404);
    });

    test.each(["/api", "/apis", "/api/v1", "/apis/discovery.k8s.io", "/apis/discovery.k8s.io/v1", "/version"])(
      "%s tells what there is",
      async (path) => {
        expect((await client.get(path)).code).toBe(200);
      },
    );
  });
});

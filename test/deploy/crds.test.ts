// The definitions of config/crds against the API server of test/kube: what they take, what they refuse, what they fill in; and
// that everything in config/examples is taken.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { readObjects } from "../../src/sources/intake.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { kubectlProblem } from "../kube/kubectl.ts";
import { at, isObject, type Json, type JsonObject, list, object, text } from "../kube/objects.ts";
import { TestClient } from "../kube/testClient.ts";
import { kustomized, objectsIn, readConfig, yamlFiles } from "./manifests.ts";

const NAMESPACE = "metallb-system";
const FILES = yamlFiles("crds").filter((name) => !name.endsWith("kustomization.yaml"));

let server: ApiServer;
let client: TestClient;

beforeAll(async () => {
  server = await startApiServer();
  client = new TestClient({ url: server.url });
  for (const file of FILES) server.apply(readConfig(file));
  server.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
});

afterAll(() => server.stop());

let count = 0;

/** Creates an object of the kind and gives back the answer. */
async function create(kind: string, spec: JsonObject, version?: string) {
  const found = server.kinds
    .all()
    .filter((k) => k.kind === kind && (version === undefined || k.version === version))[0];
  if (found === undefined) throw new Error(`no kind ${kind}`);
  const apiVersion = `${found.group}/${found.version}`;
  const body = { apiVersion, kind, metadata: { name: `o${++count}` }, spec };
  return { ...(await client.create(`/apis/${apiVersion}/namespaces/${NAMESPACE}/${found.plural}`, body)), found };
}

const fieldsOf = (body: JsonObject): readonly string[] =>
  list(object(body.details).causes).map((cause) => text(object(cause).field));

describe("every definition", () => {
  test.each(FILES)("%s is served", (file) => {
    const [definition] = objectsIn(readConfig(file));
    const name = text(at(definition, "metadata", "name"));
    expect(at(server.get("CustomResourceDefinition", "", name), "status", "conditions")).toMatchObject([
      { type: "NamesAccepted", status: "True" },
      { type: "Established", status: "True" },
    ]);
    const [plural, group] = name.split(".");
    expect(file).toBe(`crds/${group}/${plural}.yaml`);
  });

  test.skipIf(kubectlProblem() !== null)(titleOrSkip("is the same after kustomize", kubectlProblem()), () => {
    const names = (objects: readonly JsonObject[]) => objects.map((o) => at(o, "metadata", "name"));
    const built = kustomized("crds");
    expect([...names(built)].sort()).toEqual([...names(FILES.flatMap((f) => objectsIn(readConfig(f))))].sort());
    // anchors are gone: what kubectl sends is plain
    for (const one of built) {
      const own = FILES.flatMap((f) => objectsIn(readConfig(f))).find(
        (o) => at(o, "metadata", "name") === at(one, "metadata", "name"),
      );
      expect(one.spec).toEqual(own?.spec);
    }
  });

  test("says in a sentence what each field of a spec means", () => {
    const silent: string[] = [];
    const visit = (schema: Json | undefined, path: string): void => {
      for (const [name, inner] of Object.entries(object(at(schema, "properties")))) {
        const isPlain = /selector|Selectors|preference/i.test(path) || /\.communities$/.test(path);
        if (!isPlain && at(inner, "description") === undefined) silent.push(`${path}.${name}`);
        visit(inner, `${path}.${name}`);
        if (isObject(at(inner, "items"))) visit(at(inner, "items"), `${path}.${name}`);
      }
    };
    for (const file of FILES.filter((f) => !/l2adv|status|states/.test(f))) {
      const versions = list(at(objectsIn(readConfig(file))[0], "spec", "versions"));
      visit(at(object(versions[0]), "schema", "openAPIV3Schema", "properties", "spec"), file);
    }
    expect(silent.filter((path) => !/passwordSecret.name$/.test(path))).toEqual([]);
  });
});

const SITE = { site: "north", siteID: 1, rank: 1, ownership: { asn: 65008 } };
const PEER = { myASN: 65001, peerASN: 65002, peerAddress: "192.0.2.1" };

describe("what is filled in", () => {
  test.each<[string, JsonObject, JsonObject]>([
    ["BGPPeer", PEER, { ...PEER, peerPort: 179, disableMP: false, dualStackAddressFamily: false }],
    ["BGPAdvertisement", {}, { aggregationLength: 32, aggregationLengthV6: 128 }],
    [
      "IPAddressPool",
      { addresses: ["192.0.2.0/24"] },
      { addresses: ["192.0.2.0/24"], autoAssign: true, avoidBuggyIPs: false },
    ],
    ["BFDProfile", {}, {}],
    ["Community", { communities: [{ name: "a", value: "1:2" }] }, { communities: [{ name: "a", value: "1:2" }] }],
    ["SitePolicy", { ...SITE, epoch: 4_294_967_295 }, { ...SITE, epoch: 4_294_967_295 }],
    ["L2Advertisement", { interfaces: ["eth0"], foreign: 1 }, { interfaces: ["eth0"] }],
  ])("%s", async (kind, spec, expected) => {
    const { code, body } = await create(kind, spec, kind === "BGPPeer" ? "v1beta2" : undefined);
    expect([code, body.spec]).toEqual([201, expected]);
  });

  test("a v1beta1 peer is served as v1beta2 too, its absent timers stay absent", async () => {
    const { code, body } = await create("BGPPeer", PEER, "v1beta1");
    expect([code, object(body.spec).holdTime]).toEqual([201, undefined]);
    const path = `/apis/metallb.io/v1beta2/namespaces/${NAMESPACE}/bgppeers/${text(at(body, "metadata", "name"))}`;
    expect((await client.get(path)).body.apiVersion).toBe("metallb.io/v1beta2");
  });
});

describe("what is refused", () => {
  test.each<[string, string, JsonObject, string]>([
    ["a peer without AS number", "BGPPeer", { ...PEER, myASN: null }, "spec.myASN"],
    ["an AS number of 33 bits", "BGPPeer", { ...PEER, peerASN: 4294967296 }, "spec.peerASN"],
    ["a local AS number 0", "BGPPeer", { ...PEER, localASN: 0 }, "spec.localASN"],
    ["a kind of AS that is not", "BGPPeer", { ...PEER, dynamicASN: "any" }, "spec.dynamicASN"],
    ["two kinds of peer AS", "BGPPeer", { ...PEER, dynamicASN: "external" }, "spec"],
    ["no peer AS", "BGPPeer", { ...PEER, peerASN: 0 }, "spec"],
    ["an address and an interface", "BGPPeer", { ...PEER, interface: "eth0" }, "spec"],
    ["neither address nor interface", "BGPPeer", { myASN: 1, peerASN: 2 }, "spec"],
    ["two passwords", "BGPPeer", { ...PEER, password: "a", passwordSecret: { name: "b" } }, "spec"],
    ["multihop of an internal peer", "BGPPeer", { ...PEER, peerASN: 65001, ebgpMultiHop: true }, "spec"],
    ["port 0", "BGPPeer", { ...PEER, peerPort: 0 }, "spec.peerPort"],
    ["port 16385", "BGPPeer", { ...PEER, peerPort: 16385 }, "spec.peerPort"],
    ["a connect time below a second", "BGPPeer", { ...PEER, connectTime: "500ms" }, "spec.connectTime"],
    ["a connect time beyond 16 bits", "BGPPeer", { ...PEER, connectTime: "65536s" }, "spec.connectTime"],
    ["a connect time of parts of a second", "BGPPeer", { ...PEER, connectTime: "1500ms" }, "spec.connectTime"],
    [
      "a selector without operator",
      "BGPPeer",
      { ...PEER, nodeSelectors: [{ matchExpressions: [{ key: "a" }] }] },
      "spec.nodeSelectors[0].matchExpressions[0].operator",
    ],
    ["an aggregation length of 0", "BGPAdvertisement", { aggregationLength: 0 }, "spec.aggregationLength"],
    ["aggregates of selected services", "BGPAdvertisement", { aggregationLength: 24, serviceSelectors: [{}] }, "spec"],
    [
      "IPv6 aggregates of selected services",
      "BGPAdvertisement",
      { aggregationLengthV6: 64, serviceSelectors: [{}] },
      "spec",
    ],
    ["a site without a number", "SitePolicy", { ...SITE, siteID: null }, "spec.siteID"],
    ["rank 0, which is a promote", "SitePolicy", { ...SITE, rank: 0 }, "spec.rank"],
    ["a site that hides", "SitePolicy", { ...SITE, whenNotPreferred: "hide" }, "spec.whenNotPreferred"],
    ["a name of a site with a space", "SitePolicy", { ...SITE, site: "a b" }, "spec.site"],
    ["a pool without addresses", "IPAddressPool", {}, "spec.addresses"],
    ["a BFD interval of 9 ms", "BFDProfile", { receiveInterval: 9 }, "spec.receiveInterval"],
    ["a BFD multiplier of 1", "BFDProfile", { detectMultiplier: 1 }, "spec.detectMultiplier"],
    ["a minimum TTL of 255", "BFDProfile", { minimumTtl: 255 }, "spec.minimumTtl"],
    [
      "a weight of 101",
      "L2Advertisement",
      { preferredNodeSelectors: [{ weight: 101, preference: {} }] },
      "spec.preferredNodeSelectors[0].weight",
    ],
  ])("%s", async (_what, kind, spec, field) => {
    const given = Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== null));
    const { code, body } = await create(kind, given, kind === "BGPPeer" ? "v1beta2" : undefined);
    expect([code, [...new Set(fieldsOf(body))]]).toEqual([422, [field]]);
  });

  test("a change of graceful restart in a peer", async () => {
    const { body } = await create("BGPPeer", { ...PEER, enableGracefulRestart: false }, "v1beta2");
    const path = `/apis/metallb.io/v1beta2/namespaces/${NAMESPACE}/bgppeers/${text(at(body, "metadata", "name"))}`;
    const answer = await client.patch(path, { spec: { enableGracefulRestart: true } });
    expect([answer.code, fieldsOf(answer.body)]).toEqual([422, ["spec.enableGracefulRestart"]]);
    expect((await client.patch(path, { spec: { holdTime: "9s" } })).code).toBe(200);
  });

  test.each([
    ["ServiceBGPStatus", "servicebgpstatuses", "metallb.io/v1beta1", "serviceName"],
    ["BGPSessionState", "bgpsessionstates", "vipcast.io/v1alpha1", "vrf"],
  ])("a change of what a %s is about", async (kind, plural, apiVersion, field) => {
    const { body } = await create(kind, {});
    const path = `/apis/${apiVersion}/namespaces/${NAMESPACE}/${plural}/${text(at(body, "metadata", "name"))}/status`;
    expect((await client.patch(path, { status: { node: "n1", [field]: "a" } })).code).toBe(200);
    const answer = await client.patch(path, { status: { [field]: "b" } });
    expect([answer.code, fieldsOf(answer.body)]).toEqual([422, [`status.${field}`]]);
  });

  test("a definition with a rule that nobody here holds", async () => {
    const own = readConfig("crds/metallb/communities.yaml").replaceAll(/communit(y|ies)/gi, "thing$1");
    const unheld = own.replace(
      "type: object\n",
      "x-kubernetes-validations: [{ rule: self.x, message: m }]\n          type: object\n",
    );
    const answer = await client.create(
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
      objectsIn(unheld)[0] ?? null,
    );
    expect([answer.code, text(answer.body.message)]).toEqual([422, expect.stringContaining("not known here")]);
  });
});

describe("an example", () => {
  test.each(yamlFiles("examples"))("%s is taken by the API server and read without a problem", (file) => {
    for (const written of objectsIn(readConfig(file))) {
      expect(() => server.apply(written)).not.toThrow();
      const stored = server.get(
        text(written.kind),
        text(at(written, "metadata", "namespace")),
        text(at(written, "metadata", "name")),
      );
      const problems = readObjects(stored, 0, NAMESPACE).flatMap((read) => read.problems);
      expect(problems).toEqual([]);
    }
  });
});

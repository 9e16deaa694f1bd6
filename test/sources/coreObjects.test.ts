import { describe, expect, test } from "vitest";
import { formatIp } from "../../src/kernel/ip.ts";
import { accepted, errorPaths, readYaml, told, warningPaths } from "./read.ts";

describe("Service", () => {
  const service = (rest: string) => readYaml(`{apiVersion: v1, kind: Service, metadata: {name: web}${rest}}`);

  test("defaults are those of the API server, the namespace is default", () => {
    expect(accepted("Service", service(""))).toMatchObject({
      key: "default/web",
      type: "ClusterIP",
      loadBalancerClass: null,
      externalTrafficPolicy: "Cluster",
      ingress: [],
    });
  });

  test("what a decision needs is taken over, the rest is not looked at", () => {
    const read = accepted(
      "Service",
      service(`, spec: {type: LoadBalancer, loadBalancerClass: x, externalTrafficPolicy: Local, ports: nonsense},
        status: {loadBalancer: {ingress: [{ip: 192.0.2.1}, {hostname: h}, {ip: bad}]}}`),
    );
    expect(read).toMatchObject({ type: "LoadBalancer", loadBalancerClass: "x", externalTrafficPolicy: "Local" });
    expect(read.ingress).toEqual([{ ip: "192.0.2.1" }, { ip: null }, { ip: "bad" }]);
  });

  test("an allocator's fields are read for type LoadBalancer alone, in one spelling each", () => {
    const request = (spec: string) => accepted("Service", service(`, spec: {${spec}}`)).request;
    expect(request("clusterIP: 10.0.0.1")).toBeNull();
    expect(request("type: LoadBalancer")).toEqual({
      fault: null,
      clusterIps: [],
      families: [],
      policy: null,
      loadBalancerIp: null,
      ports: [],
      backendKey: "",
    });
    expect(
      request(`type: LoadBalancer, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, "fd00::1"], ipFamilies: [IPv4, IPv6],
        ipFamilyPolicy: PreferDualStack, loadBalancerIP: 192.0.2.9, externalTrafficPolicy: Local,
        selector: {b: "2", a: "1"}, ports: [{port: 80}, {port: 53, protocol: UDP}]`),
    ).toEqual({
      fault: null,
      clusterIps: ["10.0.0.1", "fd00::1"],
      families: [4, 6],
      policy: "PreferDualStack",
      loadBalancerIp: "192.0.2.9",
      ports: ["TCP/80", "UDP/53"],
      backendKey: "a=1,b=2",
    });
    expect(request("type: LoadBalancer, clusterIP: None, selector: {a: x}")).toMatchObject({
      clusterIps: ["None"],
      backendKey: "",
    });
  });

  test.each([
    ["ipFamilyPolicy: Dual", "spec.ipFamilyPolicy"],
    ["ipFamilies: [ipv4]", "spec.ipFamilies[0]"],
    ["ports: [{port: '80'}]", "spec.ports[0].port"],
    ["ports: nonsense", "spec.ports must be a list"],
  ])("a fault in them is the allocator's business, the Service is taken: %s", (spec, fault) => {
    const read = accepted("Service", service(`, spec: {type: LoadBalancer, ${spec}}`));
    expect(read.request?.fault).toContain(fault);
  });

  test.each([
    ["an unknown type", ", spec: {type: Loadbalancer}", ["spec.type"]],
    ["an unknown policy", ", spec: {externalTrafficPolicy: local}", ["spec.externalTrafficPolicy"]],
    ["a label that is a number", ", metadata: {name: web, labels: {v: 1}}", ["metadata.labels.v"]],
    ["an ingress that is no list", ", status: {loadBalancer: {ingress: {ip: a}}}", ["status.loadBalancer.ingress"]],
  ])("refuses: %s", (_rule, rest, expected) => {
    const text = `{apiVersion: v1, kind: Service${rest.includes("metadata") ? "" : ", metadata: {name: web}"}${rest}}`;
    expect(errorPaths(readYaml(text))).toEqual(expected);
  });
});

describe("EndpointSlice", () => {
  test("conditions keep the difference between false and absent", () => {
    const read = accepted(
      "EndpointSlice",
      readYaml(`{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
        metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}},
        endpoints: [{addresses: [10.0.0.1], conditions: {ready: false, serving: true}, nodeName: n1}, {addresses: []}, {addresses: [10.0.0.2], conditions: {ready: null}}]}`),
    );
    expect(read.service).toBe("shop/web");
    expect(read.endpoints).toEqual([
      { hasAddresses: true, ready: false, serving: true, nodeName: "n1" },
      { hasAddresses: false, ready: null, serving: null, nodeName: null },
      { hasAddresses: true, ready: null, serving: null, nodeName: null },
    ]);
  });

  test("without the label it belongs to nobody; without addressType it is refused", () => {
    const text = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}";
    expect(accepted("EndpointSlice", readYaml(`${text}, addressType: IPv6}`)).service).toBeNull();
    expect(told(readYaml(`${text}}`))).toEqual(["error addressType: is required"]);
  });
});

test("a Node gives its condition and internal addresses", () => {
  const read =
    readYaml(`{apiVersion: v1, kind: Node, metadata: {name: n1, namespace: ignored, labels: {rack: a}}, status: {
    conditions: [{type: Ready, status: "False"}, {type: NetworkUnavailable, status: "True"}],
    addresses: [{type: Hostname, address: n1}, {type: InternalIP, address: 10.0.0.1}, {type: InternalIP, address: x}]}}`);
  const node = accepted("Node", read);
  expect([node.ref.namespace, node.networkUnavailable, node.internalIps.map(formatIp)]).toEqual([
    null,
    true,
    ["10.0.0.1"],
  ]);
  expect(warningPaths(read)).toEqual(["status.addresses[2].address"]);
});

describe("Secret", () => {
  const secret = (rest: string) =>
    readYaml(`{apiVersion: v1, kind: Secret, metadata: {name: s}, type: kubernetes.io/basic-auth, ${rest}}`);

  test.each([
    ["data is decoded", "data: {password: c2VjcmV0}", "secret"],
    ["stringData is clear", "stringData: {password: clear}", "clear"],
    ["stringData wins", "data: {password: c2VjcmV0}, stringData: {password: clear}", "clear"],
    ["line breaks in base64 are ignored", 'data: {password: "c2Vj\\ncmV0\\n"}', "secret"],
    ["an empty password is none", 'data: {password: ""}', null],
    ["no password", "data: {other: x}", null],
  ])("%s", (_rule, rest, password) => {
    expect(accepted("Secret", secret(rest))).toMatchObject({ type: "kubernetes.io/basic-auth", password });
  });

  test.each([
    ["bad base64", "data: {password: c2VjcmV}"],
    ["bytes that are no UTF-8", 'data: {password: "/w=="}'],
    ["a number", "stringData: {password: 271828}"],
  ])("refuses %s without showing it", (_rule, rest) => {
    const result = secret(rest);
    expect(result.object).toBeNull();
    expect(JSON.stringify(result.problems)).not.toMatch(/c2Vj|271828|\/w==/);
  });

  test("a password with a line break at its end is a warning", () => {
    expect(warningPaths(secret("data: {password: c2VjcmV0Cg==}"))).toEqual(["data.password"]);
  });
});

describe("metadata", () => {
  const meta = (text: string) => readYaml(`{apiVersion: v1, kind: Namespace, metadata: ${text}}`);

  test("creationTimestamp is milliseconds, null where absent", () => {
    expect(meta("{name: a, creationTimestamp: '2026-01-31T12:00:00Z'}").object?.createdAt).toBe(
      Date.UTC(2026, 0, 31, 12),
    );
    expect(meta("{name: a, creationTimestamp: null}").object?.createdAt).toBeNull();
  });

  test.each([
    ["no name", "{}", ["metadata.name"]],
    ["a name with a slash", "{name: a/b}", ["metadata.name"]],
    ["a name that is a number", "{name: 1}", ["metadata.name"]],
    ["a list", "[a]", ["metadata"]],
  ])("refuses: %s", (_rule, text, expected) => {
    expect(errorPaths(meta(text))).toEqual(expected);
  });

  test("a name that Kubernetes would refuse is a warning", () => {
    expect(warningPaths(meta("{name: Tor_A}"))).toEqual(["metadata.name"]);
  });
});

// Service, EndpointSlice, Node, Namespace and Secret of Kubernetes -> announce/model. Owns which of their fields matter
// and the API server's defaults for them. Knows nothing of MetalLB's kinds, of files, of decisions.
// Contract: `root` is the object, `meta` its metadata; faults go to the report, the result then does not count. Fields
// that are not named here are none of our business and never reported.
import type {
  AddressRequest,
  EndpointObject,
  EndpointSliceObject,
  Meta,
  NamespaceObject,
  NodeObject,
  SecretObject,
  ServiceObject,
} from "../announce/model.ts";
import type { Ip } from "../kernel/ip.ts";
import { quote } from "../kernel/text.ts";
import { ServiceKey } from "../kernel/units.ts";
import { type Fields, NO_ENTRIES, Report } from "./fields.ts";
import { parseGoIp } from "./ipFields.ts";
import { say } from "./messages.ts";
import { isOurAnnotation, readSettings } from "./settings.ts";

/** Namespace of a Service or EndpointSlice that names none, as with kubectl. */
export const DEFAULT_NAMESPACE = "default";

const SERVICE_NAME_LABEL = "kubernetes.io/service-name";
const SERVICE_TYPES = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"] as const;
const ADDRESS_TYPES = ["IPv4", "IPv6", "FQDN"] as const;
const IP_FAMILIES = ["IPv4", "IPv6"] as const;
const IP_FAMILY_POLICIES = ["SingleStack", "PreferDualStack", "RequireDualStack"] as const;
const PROTOCOLS = ["TCP", "UDP", "SCTP"] as const;

export function readService(root: Fields, meta: Meta): ServiceObject {
  const spec = root.object("spec");
  const loadBalancer = root.object("status")?.object("loadBalancer");
  const type = spec?.word("type", SERVICE_TYPES) ?? "ClusterIP";
  const externalTrafficPolicy = spec?.word("externalTrafficPolicy", ["Cluster", "Local"]) ?? "Cluster";
  // Services and slices field by field: V8 gives every result of a spread a shape of its own, and there are thousands of them
  return {
    ref: meta.ref,
    createdAt: meta.createdAt,
    order: meta.order,
    labels: meta.labels,
    kind: "Service",
    key: serviceKey(meta, meta.ref.name),
    uid: root.object("metadata")?.string("uid") ?? undefined,
    annotations: root.object("metadata")?.stringMap("annotations", (name) => !isOurAnnotation(name)) ?? NO_ENTRIES,
    settings: readSettings(root, "Service", "annotation"),
    type,
    loadBalancerClass: spec?.string("loadBalancerClass") ?? null,
    externalTrafficPolicy,
    request: spec == null || type !== "LoadBalancer" ? null : readRequest(spec, externalTrafficPolicy),
    // an address that does not parse is a verdict on the service (reason invalidIP), not on the manifest
    ingress: (loadBalancer?.objects("ingress") ?? []).map((entry) => ({ ip: entry.string("ip") })),
  };
}

function readRequest(all: Fields, policy: ServiceObject["externalTrafficPolicy"]): AddressRequest {
  const report = new Report(all.report.ref);
  const spec = all.reportingTo(report);
  const listed = spec.strings("clusterIPs").map((item) => item.text);
  const single = spec.string("clusterIP");
  const families = spec.strings("ipFamilies").flatMap(({ text, path }) => {
    const family = IP_FAMILIES.find((f) => f === text);
    if (family === undefined) {
      report.error(path, say("notOfTheFamily", { text: quote(text) }));
      return [];
    }
    return [family === "IPv4" ? (4 as const) : (6 as const)];
  });
  const ports = spec
    .objects("ports")
    .map((port) => `${port.word("protocol", PROTOCOLS) ?? "TCP"}/${port.integer("port", 1, 65_535) ?? ""}`);
  // the order in which a selector is written means nothing
  const selector = [...spec.stringMap("selector")].map(([key, value]) => `${key}=${value}`).sort();
  const request = {
    clusterIps: listed.length > 0 ? listed : single === null ? [] : [single],
    families,
    policy: spec.word("ipFamilyPolicy", IP_FAMILY_POLICIES),
    // an address that does not parse is a verdict of the allocator, not on the manifest
    loadBalancerIp: spec.string("loadBalancerIP"),
    ports: ports.sort(),
    backendKey: policy === "Local" ? selector.join(",") : "",
  };
  const [problem] = report.problems;
  return { fault: problem === undefined ? null : `${problem.path} ${problem.message}`, ...request };
}

export function readEndpointSlice(root: Fields, meta: Meta): EndpointSliceObject {
  if (!root.has("addressType")) root.error("addressType", say("required", {}, `One of ${ADDRESS_TYPES.join(", ")}.`));
  const service = meta.labels.get(SERVICE_NAME_LABEL) ?? "";
  return {
    ref: meta.ref,
    createdAt: meta.createdAt,
    order: meta.order,
    labels: NO_ENTRIES, // nothing selects slices by label; the one that is read is `service`
    kind: "EndpointSlice",
    service: service === "" ? null : serviceKey(meta, service),
    addressType: root.word("addressType", ADDRESS_TYPES) ?? "IPv4",
    endpoints: root.objects("endpoints").map(readEndpoint),
  };
}

function readEndpoint(fields: Fields): EndpointObject {
  const conditions = fields.object("conditions");
  return {
    hasAddresses: fields.strings("addresses").length > 0,
    ready: conditions?.optionalBoolean("ready") ?? null,
    serving: conditions?.optionalBoolean("serving") ?? null,
    nodeName: fields.string("nodeName"),
  };
}

export function readNode(root: Fields, meta: Meta): NodeObject {
  const status = root.object("status");
  let networkUnavailable = false;
  for (const condition of status?.objects("conditions") ?? []) {
    const isUnavailable = condition.string("status") === "True";
    if (condition.string("type") === "NetworkUnavailable") networkUnavailable = isUnavailable;
  }
  const internalIps: Ip[] = [];
  for (const address of status?.objects("addresses") ?? []) {
    const text = address.string("address");
    if (address.string("type") !== "InternalIP" || text === null) continue;
    const ip = parseGoIp(text);
    if (ip !== null) internalIps.push(ip);
    else address.warn("address", say("nodeAddress", { text: quote(text) }));
  }
  const spec = root.object("spec");
  const isUnschedulable = spec?.optionalBoolean("unschedulable") ?? false;
  const taintKeys = spec?.objects("taints").flatMap((taint) => taint.string("key") ?? []) ?? [];
  return { ...meta, kind: "Node", networkUnavailable, internalIps, isUnschedulable, taintKeys };
}

export const readNamespace = (_root: Fields, meta: Meta): NamespaceObject => ({ ...meta, kind: "Namespace" });

/** No message ever shows a value of a Secret. `stringData` wins over `data`, as in the API server. */
export function readSecret(root: Fields, meta: Meta): SecretObject {
  const data = root.object("data");
  const encoded = data?.secret("password") ?? null;
  const decoded = encoded === null ? null : decodeBase64Text(encoded);
  if (encoded !== null && decoded === null) {
    data?.error("password", say("notBase64"));
  }
  const clear = root.object("stringData")?.secret("password") ?? null;
  // an empty password counts as none: it would quietly switch authentication off
  const password = clear ?? (decoded === "" ? null : decoded);
  const type = root.string("type") ?? "Opaque";
  if (type === "kubernetes.io/basic-auth" && password !== null && /[\r\n]$/.test(password)) {
    const path = clear === null ? "data.password" : "stringData.password";
    root.warn(path, say("trailingNewline"));
  }
  return { ...meta, kind: "Secret", type, password };
}

const serviceKey = (meta: Meta, name: string): ServiceKey => ServiceKey(meta.ref.namespace ?? DEFAULT_NAMESPACE, name);

/** Standard base64 with padding; line breaks are ignored. null for anything else, and for bytes that are not UTF-8. */
function decodeBase64Text(text: string): string | null {
  const body = text.replace(/[\r\n]/g, "");
  if (body.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) return null;
  const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

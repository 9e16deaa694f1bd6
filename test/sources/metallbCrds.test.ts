import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatIp, ipToBigInt, ipv4 } from "../../src/kernel/ip.ts";
import { parseRange } from "../../src/sources/ipFields.ts";
import { accepted, errorPaths, readYaml, warningPaths } from "./read.ts";

const object = (kind: string, spec: string): string =>
  `{apiVersion: metallb.io/v1beta1, kind: ${kind}, metadata: {name: a}, spec: {${spec}}}`;
const paths = (kind: string, spec: string) =>
  errorPaths(readYaml(object(kind, spec))).map((p) => p.replace(/^spec\.?/, ""));

describe("IPAddressPool (metallb-compat 1.4)", () => {
  const pool = (spec: string) => accepted("IPAddressPool", readYaml(object("IPAddressPool", spec)));

  test("defaults, and the default namespace", () => {
    expect(pool("addresses: [192.0.2.0/24]")).toMatchObject({
      autoAssign: true,
      avoidBuggyIPs: false,
      allocation: null,
    });
    expect(pool("addresses: [192.0.2.0/24]").ref.namespace).toBe("metallb-system");
  });

  test.each([
    ["192.0.2.9/24", "192.0.2.0", "192.0.2.255", 24],
    ["192.0.2.7/32", "192.0.2.7", "192.0.2.7", 32],
    ["0.0.0.0/0", "0.0.0.0", "255.255.255.255", 0],
    ["192.0.2.10-192.0.2.20", "192.0.2.10", "192.0.2.20", 30],
    ["192.0.2.0 - 192.0.2.255", "192.0.2.0", "192.0.2.255", 24],
    ["192.0.2.5-192.0.2.5", "192.0.2.5", "192.0.2.5", 32],
    ["192.0.2.1-192.0.2.254", "192.0.2.1", "192.0.2.254", 26],
    ["0.0.0.0-255.255.255.255", "0.0.0.0", "255.255.255.255", 0],
    ["2001:db8::/64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 64],
    ["2001:db8::1-2001:db8::8", "2001:db8::1", "2001:db8::8", 126],
  ])("%s is %s to %s, shortest mask %i", (text, first, last, mask) => {
    const [range] = pool(`addresses: ["${text}"]`).addresses;
    expect(range && [formatIp(range.first), formatIp(range.last), range.shortestMask]).toEqual([first, last, mask]);
    expect(range).toMatchObject({ text, path: "spec.addresses[0]" });
  });

  test.each([
    ["no spec.addresses", "autoAssign: true", ["addresses"]],
    ["an empty list", "addresses: []", ["addresses"]],
    ["a lone address", "addresses: [192.0.2.1]", ["addresses[0]"]],
    ["a word", "addresses: [192.0.2.0/24, none]", ["addresses[1]"]],
    ["a length beyond 32", "addresses: [192.0.2.0/33]", ["addresses[0]"]],
    ["a range that ends before it begins", "addresses: [192.0.2.9-192.0.2.1]", ["addresses[0]"]],
    ["mixed families, IPv6 first", 'addresses: ["2001:db8::1-192.0.2.9"]', ["addresses[0]"]],
    ["an open range", "addresses: [192.0.2.9-]", ["addresses[0]"]],
    ["entries that overlap", "addresses: [192.0.2.0/24, 198.51.100.0/24, 192.0.2.9-192.0.2.10]", ["addresses[2]"]],
    ["all bad entries are told", "addresses: [x, 192.0.2.0/24, y]", ["addresses[0]", "addresses[2]"]],
    ["a scalar", "addresses: 192.0.2.0/24", ["addresses"]],
    [
      "a namespace twice",
      "addresses: [192.0.2.0/24], serviceAllocation: {namespaces: [a, a]}",
      ["serviceAllocation.namespaces[1]"],
    ],
    [
      "a priority with a fraction",
      "addresses: [192.0.2.0/24], serviceAllocation: {priority: 1.5}",
      ["serviceAllocation.priority"],
    ],
  ])("refuses: %s", (_rule, spec, expected) => {
    expect(paths("IPAddressPool", spec)).toEqual(expected);
  });

  test("serviceAllocation is taken over", () => {
    expect(pool("addresses: [192.0.2.0/24], serviceAllocation: {}").allocation).toEqual({
      priority: 0,
      namespaces: [],
      namespaceSelectors: [],
      serviceSelectors: [],
    });
    const spec =
      "addresses: [192.0.2.0/24], serviceAllocation: {priority: 50, namespaces: [a], serviceSelectors: [{matchLabels: {b: c}}]}";
    expect(pool(spec).allocation).toMatchObject({ priority: 50, namespaces: ["a"], serviceSelectors: [{}] });
  });

  test("property: the covering CIDR of the shortest mask fits into the range, one twice as wide does not", () => {
    const word = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        const range = parseRange(`${formatIp(ipv4(low))}-${formatIp(ipv4(high))}`);
        if (!range.ok || range.value === null) throw new Error(range.said.message);
        const { first, last, shortestMask } = range.value;
        const fits = (hostBits: number): boolean => {
          const size = 2n ** BigInt(hostBits);
          const start = ((ipToBigInt(first) + size - 1n) / size) * size;
          return start + size - 1n <= ipToBigInt(last);
        };
        const hostBits = 32 - shortestMask;
        expect([fits(hostBits), fits(hostBits + 1)]).toEqual([true, false]);
      }),
      { numRuns: 200 },
    );
  });
});

describe("BGPAdvertisement (metallb-compat 1.3)", () => {
  const ad = (spec: string) => accepted("BGPAdvertisement", readYaml(object("BGPAdvertisement", spec)));

  test("an advertisement without spec applies to everything", () => {
    const result = readYaml("{apiVersion: metallb.io/v1beta1, kind: BGPAdvertisement, metadata: {name: a}}");
    expect(accepted("BGPAdvertisement", result)).toMatchObject({
      aggregationLength: 32,
      aggregationLengthV6: 128,
      localPref: null,
      communities: [],
      ipAddressPools: [],
      peers: [],
      nodeSelectors: [],
      serviceSelectors: [],
    });
  });

  test("localPref 0 is not set, 4294967295 is the largest", () => {
    expect(ad("localPref: 0").localPref).toBeNull();
    expect(ad("localPref: 4294967295").localPref).toBe(4294967295);
  });

  test("communities stay as written: an alias may be spelt like a literal (3.8)", () => {
    expect(ad('communities: ["65000:1", "65000:99999", gold]').communities).toEqual(["65000:1", "65000:99999", "gold"]);
  });

  test.each([
    ["aggregationLength below 1", "aggregationLength: 0", ["aggregationLength"]],
    ["aggregationLength beyond 32", "aggregationLength: 33", ["aggregationLength"]],
    ["aggregationLengthV6 below 1 (Q-04)", "aggregationLengthV6: 0", ["aggregationLengthV6"]],
    ["aggregationLengthV6 beyond 128", "aggregationLengthV6: 129", ["aggregationLengthV6"]],
    ["a negative localPref", "localPref: -1", ["localPref"]],
    ["localPref beyond 32 bits", "localPref: 4294967296", ["localPref"]],
    ["a community twice", 'communities: ["1:2", "1:2"]', ["communities[1]"]],
    ["a community that YAML reads as a number", "communities: [65000]", ["communities[0]"]],
    ["a pool twice", "ipAddressPools: [a, b, a]", ["ipAddressPools[2]"]],
    ["a peer twice", "peers: [a, a]", ["peers[1]"]],
    ["equal pool selectors", "ipAddressPoolSelectors: [{}, {}]", ["ipAddressPoolSelectors[1]"]],
    ["equal service selectors", "serviceSelectors: [{}, {}]", ["serviceSelectors[1]"]],
    ["serviceSelectors with an aggregate", "serviceSelectors: [{}], aggregationLength: 24", ["aggregationLength"]],
    [
      "serviceSelectors with an IPv6 aggregate",
      "serviceSelectors: [{}], aggregationLengthV6: 64",
      ["aggregationLengthV6"],
    ],
  ])("refuses: %s", (_rule, spec, expected) => {
    expect(paths("BGPAdvertisement", spec)).toEqual(expected);
  });

  test("serviceSelectors go with explicit full lengths", () => {
    expect(ad("serviceSelectors: [{}], aggregationLength: 32, aggregationLengthV6: 128").serviceSelectors).toHaveLength(
      1,
    );
  });
});

describe("BFDProfile (metallb-compat 1.5)", () => {
  test("absent fields are those of bfdd", () => {
    const result = readYaml("{apiVersion: metallb.io/v1beta1, kind: BFDProfile, metadata: {name: a}}");
    expect(accepted("BFDProfile", result)).toMatchObject({
      receiveInterval: 300,
      transmitInterval: 300,
      detectMultiplier: 3,
      echoInterval: 50,
      echoMode: false,
      passiveMode: false,
      minimumTtl: 254,
    });
  });

  test.each([
    ["receiveInterval", 10, 60_000],
    ["transmitInterval", 10, 60_000],
    ["echoInterval", 10, 60_000],
    ["detectMultiplier", 2, 255],
    ["minimumTtl", 1, 254],
  ])("%s is %i to %i", (field, min, max) => {
    expect(paths("BFDProfile", `${field}: ${min - 1}`)).toEqual([field]);
    expect(paths("BFDProfile", `${field}: ${min}`)).toEqual([]);
    expect(paths("BFDProfile", `${field}: ${max}`)).toEqual([]);
    expect(paths("BFDProfile", `${field}: ${max + 1}`)).toEqual([field]);
  });
});

describe("Community (metallb-compat 1.6)", () => {
  test("aliases keep their value and place", () => {
    const spec = 'communities: [{name: a, value: "65000:1"}, {name: b, value: "large:1:2:4294967295"}]';
    expect(accepted("Community", readYaml(object("Community", spec))).aliases).toEqual([
      { name: "a", value: "65000:1", path: "spec.communities[0]" },
      { name: "b", value: "large:1:2:4294967295", path: "spec.communities[1]" },
    ]);
  });

  test.each([
    ["an alias twice", '{name: a, value: "1:2"}, {name: a, value: "1:3"}', "communities[1].name"],
    ["no name", '{value: "1:2"}', "communities[0].name"],
    ["no value", "{name: a}", "communities[0].value"],
    ["a half beyond 16 bits", '{name: a, value: "1:65536"}', "communities[0].value"],
    ["a well-known name", "{name: a, value: no-export}", "communities[0].value"],
    ["a large one without its word", '{name: a, value: "1:2:3"}', "communities[0].value"],
  ])("refuses: %s", (_rule, entries, path) => {
    expect(paths("Community", `communities: [${entries}]`)).toEqual([path]);
  });

  test("a typo in a field is a warning", () => {
    expect(warningPaths(readYaml(object("Community", 'comunities: [{name: a, value: "1:2"}]')))).toEqual([
      "spec.comunities",
    ]);
  });
});

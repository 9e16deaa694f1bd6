// The quick reader against the full parser: whatever it answers is what the full one answers, for texts that look like manifests and for
// such texts with random damage. What it must be able to read, so that it is of use, is a table.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDocument, stringify } from "yaml";
import { readPlainYaml } from "../../src/sources/plainYaml.ts";
import { DIALECT } from "../../src/sources/yamlFile.ts";

const RUNS = Number(process.env.VIPCAST_FC_RUNS ?? 2_000);

/** Fails where the quick reader gives a value and the full parser gives another one, or a fault. @returns it was read */
function agrees(text: string): boolean {
  const quick = readPlainYaml(text);
  if (quick === undefined) return false;
  const document = parseDocument(text, DIALECT);
  expect(document.errors, text).toEqual([]);
  expect(quick, text).toStrictEqual(document.toJS());
  return true;
}

const MANIFEST = `---
# a service
apiVersion: v1
kind: Service
metadata:
  name: web
  labels: { app: web, tier: 'gold one' }
  annotations:
    metallb.io/loadBalancerIPs: "192.0.2.1, 2001:db8::1"
spec:
  type: LoadBalancer
  clusterIP: null
  allocate: false
  ports:
  - port: 80
    name: http
  -   port: 443
      targets: [a, [b, 1], {}]
  ranges:
    - 192.0.2.0/24
    - 2001:db8::/64
status:
`;

describe("the quick reader of YAML", () => {
  test.each([
    ["a manifest as people and tools write them", MANIFEST],
    ["an address, a version, a duration: strings, not numbers", "a: 192.0.2.1\nb: v1\nc: 90s\nd: 10.0.0.0/8\n"],
    ["whole numbers and booleans", "a: 0\nb: 4294967295\nc: true\nd: false\n"],
    ["lists at the indent of their key, items without a value", "a:\n- b:\n- c: 1\nd:\n"],
  ])("reads %s", (_, text) => {
    expect(agrees(text)).toBe(true);
  });

  test.each([
    ["a key twice", "a: 1\na: 2\n"],
    ["a key twice in one line", "a: { b: 1, b: 2 }\n"],
    ["a value over two lines", "a: b\n  c\n"],
    ["a block scalar", "a: |\n  b\n"],
    ["an escape", 'a: "\\n"\n'],
    ["an anchor and its alias", "a: &x b\nc: *x\n"],
    ["a tag", "a: !!str 1\n"],
    ["a merge key", "a:\n  <<: { b: 1 }\n"],
    ["the booleans of YAML 1.1", "a: yes\n"],
    ["an octal number", "a: 0o7\n"],
    ["a fraction", "a: 1.5\n"],
    ["an exponent", "a: 1e3\n"],
    ["a sign", "a: -1\n"],
    ["more digits than a number holds", "a: 12345678901234567890\n"],
    ["a tab", "a:\tb\n"],
    ["a space that is not ASCII", "a: b\u00a0\n"],
    ["a comment behind a value", "a: b # c\n"],
    ["a key without a value in a list", "a: [b:]\n"],
    ["no mapping", "- a\n"],
    ["nothing", "---\n"],
    ["an indent that fits no line above", "a:\n    b: 1\n  c: 2\n"],
    ["a second document", "a: 1\n---\nb: 2\n"],
    ["the name of a prototype", "__proto__: { a: 1 }\n"],
    ["nesting without end", Array.from({ length: 200 }, (__, i) => `${" ".repeat(i)}a:`).join("\n")],
  ])("leaves %s to the full parser", (_, text) => {
    expect(readPlainYaml(text)).toBeUndefined();
  });

  const plain = fc.constantFrom(
    "a",
    "app",
    "v1",
    "kubernetes.io/name",
    "x-y",
    "10.0.0.0/8",
    "2001:db8::/64",
    "90s",
    "a b",
  );
  const odd = fc.constantFrom(
    "yes",
    "~",
    "0x1",
    "1.5",
    "1e3",
    "-",
    "a: b",
    "#",
    "",
    ".5",
    "1_0",
    "12:30",
    "é",
    "'",
    '"',
    "9",
  );
  const word = fc.oneof({ weight: 12, arbitrary: plain }, { weight: 1, arbitrary: odd });
  const key = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom("a", "b", "c-d", "e.f/g") },
    { weight: 1, arbitrary: odd },
  );
  const number = fc.constantFrom<number | boolean | null>(null, true, false, 0, 7, 179, -1, 1.5, 2 ** 53);
  const { map } = fc.letrec((tie) => ({
    any: fc.oneof({ maxDepth: 4 }, word, number, tie("list"), tie("map")),
    list: fc.array(tie("any"), { maxLength: 3 }),
    map: fc.dictionary(key, tie("any"), { maxKeys: 4 }),
  }));
  const text = fc
    .record({ map, indent: fc.constantFrom(2, 4), indentSeq: fc.boolean(), isFlow: fc.boolean() })
    .map(({ isFlow, ...made }) => {
      const style = isFlow ? { collectionStyle: "flow" as const } : {};
      return stringify(made.map, { indent: made.indent, indentSeq: made.indentSeq, lineWidth: 0, ...style });
    });
  const noise = [..."a1:-#[]{},'\" \n.&*!|>%@`?~/\\\t\r0_+eExo", "---", ": ", "- ", "\n  ", "yes"];
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.constantFrom(...noise)), { maxLength: 3 });

  test("never disagrees with the full parser, also where the text is damaged", () => {
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(text, fc.constant(MANIFEST)), damage, (whole, cuts) => {
        let damaged = whole;
        for (const [at, length, instead] of cuts) {
          const place = at % (damaged.length + 1);
          damaged = damaged.slice(0, place) + instead + damaged.slice(place + length);
        }
        if (agrees(damaged)) read++;
      }),
      { numRuns: RUNS },
    );
    expect(read, "texts that it did read").toBeGreaterThan(RUNS / 20);
  });
});

// What we would announce against what MetalLB reports: which services differ, and what explains it.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/announce/compile.ts";
import { NO_HOLDS } from "../../src/announce/holds.ts";
import type { ModelObject } from "../../src/announce/model.ts";
import { decideAll, toEnd } from "../../src/announce/reference.ts";
import { POLICY_ALONE } from "../../src/announce/siteGate.ts";
import { ServiceKey } from "../../src/kernel/units.ts";
import { type Comparison, comparing } from "../../src/shadow/compare.ts";
import { adv, labels, onNode, options, peer, pool, service, slice, storeOf, withLabels } from "../announce/builders.ts";

type Reported = Readonly<Record<string, readonly string[]>>;

function compared(reported: Reported, ...objects: readonly ModelObject[]): Comparison {
  const store = storeOf(...objects);
  const { decisions } = decideAll(store, options());
  const there = new Map(
    Object.entries(reported).map(([name, peers]) => [ServiceKey("default", name), new Set(peers)] as const),
  );
  const config = compile(store, options());
  return toEnd(comparing({ store, config, decisions, holds: NO_HOLDS, sites: POLICY_ALONE, reported: there }));
}

const briefly = ({ differences }: Comparison): readonly string[] =>
  differences.map(({ service: key, verdict, here, there, notes }) => {
    const why = notes.map((n) => `${n.peer} ${n.quirk ?? n.text}`);
    return `${key} ${verdict} [${here}] [${there}] ${why.join("; ")}`;
  });

const p4 = pool("p4", ["192.0.2.0/24", "2001:db8::/64"]);
const tor = peer("tor", "10.0.0.1");
const leaf = peer("leaf", "10.0.0.2");
const six = peer("six", "2001:db8:f::1");
const web = [service("web", ["192.0.2.10"]), slice("web")];
const db = [service("db", ["192.0.2.20"]), slice("db")];
const base = [p4, tor, leaf, adv("all"), ...web];
const ONLY_HERE = "vipcast would announce it to this peer, and MetalLB does not report it";

describe("a service", () => {
  test.each<[string, Reported, readonly ModelObject[], readonly string[]]>([
    ["that both name the same peers for is no difference", { web: ["leaf", "tor"] }, base, []],
    ["that neither announces is no difference", { web: [] }, [p4, tor, ...web], []],
    [
      "that MetalLB does not report differs",
      {},
      base,
      [`default/web different [leaf,tor] [] leaf ${ONLY_HERE}; tor ${ONLY_HERE}`],
    ],
    [
      "that MetalLB reports for fewer peers differs",
      { web: ["tor"] },
      base,
      [`default/web different [leaf,tor] [tor] leaf ${ONLY_HERE}`],
    ],
    [
      "that we would not announce differs, with our reason",
      { web: ["tor"] },
      [p4, tor, adv("all"), service("web", ["192.0.2.10"])],
      [
        "default/web different [] [tor] tor noEndpoints: no endpoint in the EndpointSlices of the Service is ready or serving",
      ],
    ],
    [
      "that is gone differs",
      { old: ["tor"] },
      base.slice(0, 4),
      ["default/old different [] [tor] tor there is no Service default/old"],
    ],
    [
      "with a peer that is gone differs",
      { web: ["leaf", "spine", "tor"] },
      base,
      ["default/web different [leaf,tor] [leaf,spine,tor] spine there is no BGPPeer spine"],
    ],
    [
      "with a peer that does not select the node differs",
      { web: ["leaf", "tor"] },
      [p4, tor, peer("leaf", "10.0.0.2", { nodeSelectors: [onNode("n2")] }), adv("all"), ...web],
      [
        "default/web different [tor] [leaf,tor] leaf peerNotSelected: spec.nodeSelectors of BGPPeer metallb-system/leaf do not select node n1",
      ],
    ],
    [
      "with a peer of another family is explained (Q-07)",
      { web: ["leaf", "six", "tor"] },
      [...base, six],
      ["default/web explained [leaf,tor] [leaf,six,tor] six Q-07"],
    ],
    [
      "with a peer of the other family alone is explained, although it is announced to nobody (Q-07)",
      { web: ["six"] },
      [p4, six, adv("all"), ...web],
      ["default/web explained [] [six] six Q-07"],
    ],
    [
      "that shares an aggregate with one that goes further is explained (Q-08)",
      { web: ["leaf", "tor"], db: ["leaf", "tor"] },
      [
        p4,
        tor,
        leaf,
        adv("both", { aggregationLength: 24, peers: ["leaf"] }),
        adv("gold", { aggregationLength: 24, peers: ["tor"], serviceSelectors: [withLabels({ tier: "gold" })] }),
        service("web", ["192.0.2.10"], { labels: labels({ tier: "gold" }) }),
        slice("web"),
        ...db,
      ],
      ["default/db explained [leaf] [leaf,tor] tor Q-08"],
    ],
    [
      "with one peer explained and one not differs",
      { web: ["six", "tor"] },
      [...base, six],
      [`default/web different [leaf,tor] [six,tor] leaf ${ONLY_HERE}; six Q-07`],
    ],
  ])("%s", (_what, reported, objects, expected) => {
    expect(briefly(compared(reported, ...objects))).toEqual(expected);
  });

  test("is counted on each side", () => {
    const { services } = compared({ web: ["leaf", "tor"], old: ["tor"], none: [] }, ...base, ...db);
    expect(services).toEqual({ here: 2, there: 2, same: 2 });
  });
});

test("whatever is reported: a service differs exactly where the sets of peers do, with one note for each peer of one side", () => {
  const objects = [...base, six, ...db];
  const own: Reported = { web: ["leaf", "tor"], db: ["leaf", "tor"] };
  const names = fc.subarray(["leaf", "tor", "six", "gone"]);
  fc.assert(
    fc.property(fc.record({ web: names, db: names, old: names }, { requiredKeys: [] }), (reported) => {
      const { differences } = compared(reported as Reported, ...objects);
      for (const name of ["web", "db", "old"] as const) {
        const [here, there] = [own[name] ?? [], reported[name] ?? []];
        const odd = [...new Set([...here, ...there])].filter((p) => here.includes(p) !== there.includes(p)).sort();
        const found = differences.find((d) => d.service === `default/${name}`);
        expect(found?.notes.map((n) => n.peer) ?? []).toEqual(odd);
        if (found === undefined) continue;
        expect([found.here, found.there]).toEqual([here, [...there].sort()]);
        expect(found.verdict === "explained").toBe(found.notes.every((n) => n.quirk !== null));
      }
    }),
  );
});

// What docs/disaster-recovery.md takes from the code: the pictures of the topology, the routers' configuration, the witness's, and the
// table of a kept result. Owns these parts, each between two marks of the page. Pure. Contract: what the page says of addresses,
// settings and figures is what the lab runs with and what was measured; the rest of the page is left as it is.
import {
  ASN,
  BACKBONE,
  CLIENT,
  PASSWORD,
  SITES,
  type SiteName,
  siteRouter,
  VIP,
  WITNESS,
  WITNESS_ASN,
  WORKERS,
} from "../lab/topologies/twoSites.ts";
import { FRR_WITNESS } from "../lab/witnessConfig.ts";
import type { Performance } from "./scenario.ts";

/** A result as bench/results keeps it. */
export interface SavedDrill {
  readonly name: string;
  readonly date: string;
  readonly machine: unknown;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly SavedRow[];
}

export interface SavedRow extends Partial<Performance> {
  readonly scenario: string;
  readonly who: string;
  readonly error: string | null;
  readonly missed: readonly string[];
}

/** The page with its parts as they are now. @param kept null: no result was kept yet, that part stays as it is */
export function fillPage(page: string, kept: SavedDrill | null): string {
  const parts: Readonly<Record<string, string>> = {
    topology: renderTopology(),
    router: fenced(routerText()),
    witness: fenced(witnessText()),
    ...(kept === null ? {} : { drill: renderResults(kept) }),
  };
  return Object.entries(parts).reduce((text, [name, part]) => between(text, name, part), page);
}

/** @throws Error when the page has no such marks */
function between(page: string, name: string, part: string): string {
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no marks for ${name}`);
  return `${page.slice(0, from + begin.length)}\n${part}\n${page.slice(to)}`;
}

const fenced = (text: string, language = ""): string => `\`\`\`${language}\n${text.trim()}\n\`\`\``;

/** The wiring as a graph. */
export function renderTopology(): string {
  const site = (name: SiteName): readonly string[] => {
    const { router, network, host } = SITES[name];
    const own = WORKERS.filter((w) => w.site === name);
    return [
      `  subgraph ${name}["${name} site, ${network}"]`,
      `    ${router}["${router}<br/>${host("254")}<br/>${BACKBONE[router]}"]`,
      ...own.flatMap((w) => [
        `    ${w.name}["${w.name}: vipcast<br/>${host(w.number)}<br/>VIP ${VIP}"]`,
        `    ${router} ---|"iBGP AS ${ASN}, BFD"| ${w.name}`,
      ]),
      "  end",
    ];
  };
  const lines = [
    "graph TD",
    `  client["client<br/>${CLIENT}"] --- access["access<br/>${BACKBONE.access}"]`,
    `  witness["witness: AS ${WITNESS_ASN}<br/>${WITNESS}"] --- access`,
    '  backbone(("backbone<br/>OSPF area 0"))',
    "  access --- backbone",
    ...site("primary"),
    ...site("recovery"),
    ...(["primary", "recovery"] as const).map((name) => `  backbone --- ${SITES[name].router}`),
    ...WORKERS.map((w) => `  ${w.name} -.->|"eBGP: claims"| witness`),
  ];
  return fenced(lines.join("\n"), "mermaid");
}

/** The primary site's router with the recommended settings. */
function routerText(): string {
  const { bgpd, ospfd, bfdd } = siteRouter("primary", "recommended");
  return [bfdd, bgpd, ospfd].map((text) => text.replaceAll(PASSWORD, "KEY").trim()).join("\n!\n");
}

function witnessText(): string {
  const neighbors = WORKERS.map((w) => SITES[w.site].host(w.number));
  return FRR_WITNESS({ asn: WITNESS_ASN, routerId: WITNESS, siteAsn: ASN, claimAsn: ASN, key: "KEY", neighbors });
}

/** A table for people, with what was missed below it. */
export function renderResults({ date, results }: SavedDrill): string {
  const ms = (value: number | null | undefined): string => (value == null ? "-" : `${Math.round(value)}`);
  const rows = results.map((r) => {
    const { packetsAtPrimary, lostByReset } = r.extra ?? {};
    const lost = lostByReset === undefined || lostByReset === 0 ? `${r.lost}` : `${r.lost} (${lostByReset} by a reset)`;
    const cells = [
      r.requests,
      lost,
      ms(r.outageMs),
      ms(r.detectMs),
      ms(r.withdrawMs),
      ms(r.convergeMs),
      ms(r.servedMs),
    ];
    const packets = packetsAtPrimary == null ? "" : `${packetsAtPrimary}`;
    return r.error === null
      ? `| ${r.scenario} | ${r.who} | ${cells.join(" | ")} | ${packets} |`
      : `| ${r.scenario} | ${r.who} | broke off | | | | | | | |`;
  });
  return [
    `Performed on ${date}; one request every 10 ms, times in milliseconds after the event (\`bench/results/${date}-drill.json\`).`,
    "",
    "| Scenario | Speaker | Requests | Lost | Outage | Detect | Withdraw | Converge | Served | Packets at the primary |",
    "|---|---|---|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

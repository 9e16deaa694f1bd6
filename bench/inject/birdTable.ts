// The same table as static routes of BIRD. Owns the text. Knows no processes. Contract: pure. One static protocol per
// attribute set with an import filter: of the ways to write it this one cost BIRD the least (measured against an export
// filter by protocol, and against attributes per route, which takes three times the memory).
import { addressOf, dottedQuad, setOf, type Table } from "./table.ts";

export function birdTable({ count, sets }: Table): string {
  const routes: string[][] = Array.from({ length: sets }, () => []);
  for (let i = 0; i < count; i++) routes[setOf(i, sets)]?.push(`route ${dottedQuad(addressOf(i))}/32 blackhole;`);
  const protocols = routes.map(
    (lines, set) => `protocol static set${set} {
  ipv4 { import filter { bgp_community.add((65001,${set})); accept; }; };
${lines.join("\n")}
}`,
  );
  return `${protocols.join("\n")}\n`;
}

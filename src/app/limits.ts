// Every limit of the daemon, joined from the tables by theme. Owns the order of the themes and the page docs/limits.md; knows no limit
// itself. Contract: a limit that is in a table is on the page, with its value as it is in force.
import { BFD_LIMITS } from "./limits/bfd.ts";
import { CLUSTER_LIMITS } from "./limits/cluster.ts";
import { OBSERVATION_LIMITS } from "./limits/observation.ts";
import { PEER_LIMITS } from "./limits/peers.ts";
import { ROUTE_LIMITS } from "./limits/routes.ts";
import { SOURCE_LIMITS } from "./limits/source.ts";
import { WEBHOOK_LIMITS } from "./limits/webhooks.ts";

const THEMES = [
  PEER_LIMITS,
  BFD_LIMITS,
  SOURCE_LIMITS,
  ROUTE_LIMITS,
  OBSERVATION_LIMITS,
  CLUSTER_LIMITS,
  WEBHOOK_LIMITS,
];

/** docs/limits.md. */
export function renderLimitsDoc(): string {
  const parts = THEMES.map(({ title, limits }) => {
    const rows = limits.map(({ what, value, why, there }) => `| ${what} | ${value} | ${why} | ${there} |`);
    return `## ${title}\n\n| Limit | Value | Why | There |\n|---|---|---|---|\n${rows.join("\n")}\n`;
  });
  return `# Limits\n\nGenerated from the tables in \`src/app/limits/\`; do not edit.\n\n${parts.join("\n")}`;
}

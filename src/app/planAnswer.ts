// What a running daemon has decided for a node, as one side of `vipcast plan`. Owns how its secrets are hidden: by a hash with a salt
// of this one answer, which the asker uses for the other side. Reads, never changes.
import { createHash, randomBytes } from "node:crypto";
import type { Remembered } from "../allocate/engine.ts";
import type { PlanSide } from "../announce/plan.ts";
import { deciding, tabulating } from "../announce/reference.ts";
import { nameHint } from "../kernel/suggest.ts";
import type { ServiceKey } from "../kernel/units.ts";
import { say } from "../observe/messages.ts";
import { commaText, planSideText } from "../observe/planStream.ts";
import type { Pieces } from "../observe/routesStream.ts";
import type { StreamAnswer } from "../observe/statusSocket.ts";
import type { Daemon } from "./daemon.ts";
import { realClock } from "./realTime.ts";
import { inSlices, streamInSlices } from "./slices.ts";

/** What the asker needs to decide as this daemon does. */
export interface PlanBase {
  readonly node: string;
  readonly source: string;
  readonly salt: string;
  readonly namespace: string;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  readonly routerId: number | null;
  /** What Services hold of the addresses that the daemon itself gives; null: it gives none. */
  readonly held: readonly (readonly [ServiceKey, Remembered])[] | null;
  readonly side: PlanSide;
}

export const hideWith =
  (salt: string) =>
  (secret: string): string =>
    createHash("sha256").update(salt).update(secret).digest("hex");

/** @param asked null: the daemon's own node */
export async function planBase(daemon: Daemon, asked: string | null): Promise<StreamAnswer> {
  const notReady = daemon.notReady();
  if (notReady !== null) return { ok: false, ...say("notDecided", { why: notReady }) };
  const { engine, view: store, options, allocating } = daemon;
  const { nodeName, lbClass, ignoreExcludeLb, routerId, namespace } = options;
  const node = asked ?? nodeName;
  const nodes = [...store.list("Node")].map((n) => n.ref.name);
  if (node !== nodeName && nodes.length > 0 && !nodes.includes(node)) {
    return { ok: false, ...say("unknownNode", { name: node, known: nameHint(node, nodes, "Node") }) };
  }
  // what a drain has withdrawn is planned as if it were not: the drain will end, the plan is about the objects
  const own = node === nodeName && engine.level !== "withdrawn" ? engine.config : null;
  const work =
    own === null
      ? deciding(store, { nodeName: node, lbClass, ignoreExcludeLb, routerId })
      : tabulating(own, new Map(engine.decisions)); // decisions go on while this is told in pieces
  const table = await inSlices(work, realClock);
  const salt = randomBytes(32).toString("hex");
  const held = allocating?.holdings() ?? null;
  const { location: source } = daemon.sourceView();
  const head = { node, source, salt, namespace, lbClass, ignoreExcludeLb, routerId };
  const side = planSideText(table, daemon.problems.source, hideWith(salt));
  return { ok: true, pieces: streamInSlices(planBaseText(head, held, side), realClock) };
}

function* planBaseText(head: Omit<PlanBase, "held" | "side">, held: PlanBase["held"], side: Pieces): Pieces {
  yield `${JSON.stringify(head).slice(0, -1)},"held":${held === null ? "null" : "["}`;
  yield* commaText(held ?? [], (holding) => JSON.stringify(holding));
  yield `${held === null ? "" : "]"},"side":`;
  yield* side;
  yield "}\n";
}

// One side of a plan as JSON text that is made piece by piece, as `routes` is: a node with a hundred thousand services is never one string.
// Owns the framing. Knows no sockets and no clock. Contract: the pieces, joined, parse to what announce/plan.ts's `planSide` gives;
// `undefined` between them is a place to rest.
import { compareText } from "../announce/age.ts";
import { planSession } from "../announce/plan.ts";
import { joinProblems, type Table } from "../announce/reference.ts";
import { checkProblem, checkService } from "../announce/report.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { sorting } from "../kernel/sorting.ts";
import { decidedRoutes, type Pieces } from "./routesStream.ts";

/** Items put into one piece. */
const BATCH = 128;

/** `ITEM,ITEM,…` with a rest after each piece. */
export function* commaText<T>(items: Iterable<T>, show: (item: T) => string): Pieces {
  let texts: string[] = [];
  let comma = "";
  for (const item of items) {
    texts.push(show(item));
    if (texts.length < BATCH) continue;
    yield `${comma}${texts.join(",")}`;
    texts = [];
    comma = ",";
  }
  if (texts.length > 0) yield `${comma}${texts.join(",")}`;
}

/** @param problems what the source found while reading @param hide see `fieldTexts` */
export function* planSideText(
  table: Table,
  problems: readonly ConfigProblem[],
  hide: (secret: string) => string,
): Pieces {
  yield '{"peers":{';
  let isFirst = true;
  for (const { name, config, problem } of table.peers) {
    const head = JSON.stringify({ session: planSession(config, hide), problem }).slice(0, -1);
    yield `${isFirst ? "" : ","}${JSON.stringify(name)}:${head},"routes":[`;
    isFirst = false;
    yield* commaText(yield* decidedRoutes(table.routes.get(name), config), (route) => JSON.stringify(route));
    yield "]}";
  }
  yield '},"services":{';
  const services = yield* sorting([...table.decisions], ([a], [b]) => compareText(a, b));
  yield* commaText(services, ([key, d]) => `${JSON.stringify(key)}:${JSON.stringify(checkService(d))}`);
  yield '},"problems":[';
  yield* commaText(joinProblems(problems, table.problems), (p) => JSON.stringify(checkProblem(p)));
  yield "]}";
}

// `vipcast plan PATH…`: what these manifests would change against a running daemon or another directory, before they get there.
// Exit 0 nothing, 1 errors in the new manifests or no daemon, 2 usage, 3 changes, 4 changes that reset or end a session.
import { randomBytes } from "node:crypto";
import { allocate } from "../allocate/allocate.ts";
import type { Remembered } from "../allocate/engine.ts";
import { AllocatedView } from "../allocate/view.ts";
import type { DecisionOptions } from "../announce/compiled.ts";
import { type PlanReport, type PlanSide, planExitCode, planReport, planSide } from "../announce/plan.ts";
import { decideAll } from "../announce/reference.ts";
import { hideWith, type PlanBase } from "../app/planAnswer.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { RouterId, type ServiceKey } from "../kernel/units.ts";
import { renderPlan } from "../observe/planText.ts";
import { askDaemon, BadQuestion, DaemonUnreachable } from "../observe/statusSocket.ts";
import type { StoreView } from "../sources/store.ts";
import { type LoadedManifests, loadManifests, onlyNode } from "./manifests.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

export interface PlanCommandOptions {
  /** Of the daemon that runs with the old objects; not used where `against` is given. */
  readonly socket: string | null;
  /** The old objects as files or a directory; null: a daemon's. */
  readonly against: string | null;
  readonly node: string | null;
  readonly json: boolean;
  /** These three are the daemon's own where one is asked. */
  readonly namespace: string;
  readonly lbClass: string;
  readonly ignoreExcludeLb: boolean;
  readonly color: boolean;
}

/** @throws UsageError (rejects) when a path does not exist, or nothing says against what to plan */
export async function plan(paths: readonly string[], options: PlanCommandOptions): Promise<CommandResult> {
  try {
    const report =
      options.against !== null ? againstFiles(paths, options.against, options) : await againstDaemon(paths, options);
    const output = options.json ? `${JSON.stringify(report, null, 2)}\n` : renderPlan(report, options);
    return { output, exitCode: planExitCode(report) };
  } catch (error) {
    if (error instanceof BadQuestion) throw new UsageError(say("refusedQuestion", { answer: error.message }));
    if (!(error instanceof DaemonUnreachable)) throw error;
    return { output: "", error: error.message, exitCode: 1 };
  }
}

async function againstDaemon(
  paths: readonly string[],
  { socket, node: asked }: PlanCommandOptions,
): Promise<PlanReport> {
  if (socket === null) throw new UsageError(say("planAgainstWhat"));
  const query = asked === null ? "" : `?node=${encodeURIComponent(asked)}`;
  // the daemon is of the same version as this command; its documents are typed where it makes them
  const base = (await askDaemon(socket, `/plan-base${query}`)) as PlanBase;
  const { node, salt, namespace, lbClass, ignoreExcludeLb, routerId: id, held, side } = base;
  const routerId = id === null ? null : RouterId(id);
  const decide = { nodeName: node, lbClass, ignoreExcludeLb, routerId };
  const after = sideOf(loadManifests(paths, namespace), decide, salt, held === null ? null : new Map(held));
  return planReport(node, side, after);
}

function againstFiles(paths: readonly string[], against: string, options: PlanCommandOptions): PlanReport {
  const { namespace, lbClass, ignoreExcludeLb } = options;
  const [old, now] = [loadManifests([against], namespace), loadManifests(paths, namespace)];
  const names = new Set([...old.store.list("Node"), ...now.store.list("Node")].map((n) => n.ref.name));
  const node = options.node ?? onlyNode([...names]);
  const salt = randomBytes(32).toString("hex");
  const decide = { nodeName: node, lbClass, ignoreExcludeLb, routerId: null };
  return planReport(node, sideOf(old, decide, salt), sideOf(now, decide, salt));
}

/** @param held what is remembered where addresses are given here; null: they are taken as the objects have them */
function sideOf(
  { store, objects }: LoadedManifests,
  options: DecisionOptions,
  salt: string,
  held: ReadonlyMap<ServiceKey, Remembered> | null = null,
): PlanSide {
  const located = (p: ConfigProblem): ConfigProblem =>
    p.file === undefined ? { ...p, ...(objects.locate(p, p.path) ?? {}) } : p;
  const table = decideAll(held === null ? store : allocated(store, options.lbClass, held), options);
  return planSide({ ...table, problems: table.problems.map(located) }, objects.problems(), hideWith(salt));
}

/** The store with the addresses that a daemon with --allocate would have given by then. */
function allocated(store: StoreView, lbClass: string, held: ReadonlyMap<ServiceKey, Remembered>): StoreView {
  const options = { lbClass, source: "manifests" } as const;
  const view = new AllocatedView(store, options);
  for (const [key, { ips }] of allocate(store, options, held).allocations) view.publish(key, ips);
  return view;
}

// `vipcast site status|promote|demote`: what a running daemon knows of other sites, and the operator's word about who serves.
import { renderSites, type SitesStatus } from "../observe/siteView.ts";
import { askDaemon, BadQuestion, DaemonUnreachable } from "../observe/statusSocket.ts";
import type { TextOptions } from "../observe/statusText.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

export const SITE_ACTIONS = ["status", "promote", "demote"] as const;
export type SiteAction = (typeof SITE_ACTIONS)[number];

export interface SiteOptions extends TextOptions {
  readonly socket: string;
  readonly json: boolean;
  /** Name of a site or SitePolicy; null: all of the node. */
  readonly site: string | null;
}

/** @throws UsageError (rejects) when there is no such policy */
export async function site(action: SiteAction, options: SiteOptions): Promise<CommandResult> {
  const query = options.site === null ? "" : `?site=${encodeURIComponent(options.site)}`;
  try {
    const path = action === "status" ? "/site" : `/site/${action}`;
    const method = action === "status" ? "GET" : "POST";
    const answer = (await askDaemon(options.socket, `${path}${query}`, { method })) as SitesStatus;
    const output = options.json ? `${JSON.stringify(answer, null, 2)}\n` : renderSites(answer, options);
    return { output, exitCode: 0 };
  } catch (error) {
    if (error instanceof BadQuestion) throw new UsageError(say("refusedQuestion", { answer: error.message }));
    if (!(error instanceof DaemonUnreachable)) throw error;
    return { output: "", error: error.message, exitCode: 1 };
  }
}

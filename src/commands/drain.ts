// `vipcast drain` and `undrain`: move the traffic of a node away, with proof, and back. Owns the waiting and the exit code.
import { setTimeout as sleep } from "node:timers/promises";
import { type DrainStatus, drainLines } from "../observe/drainView.ts";
import { askDaemon, BadQuestion, DaemonUnreachable } from "../observe/statusSocket.ts";
import { say } from "./messages.ts";
import { type CommandResult, UsageError } from "./result.ts";

export interface DrainOptions {
  readonly socket: string;
  readonly json: boolean;
  /** Until everything is withdrawn, or an operator takes the drain back. */
  readonly wait: boolean;
  readonly persist: boolean;
  /** As given; undefined: as the daemon is configured. */
  readonly drainTime: string | undefined;
}

const ASK_EVERY_MS = 50;

/** Drained, but not proven at every peer. */
const UNPROVEN = 3;

/**
 * @returns exit code 0: begun, or with `wait` proven at every peer; 3: drained, but not proven at every one; 1: no daemon answers, or
 * the drain was taken back @throws UsageError (rejects) when the daemon refuses
 */
export async function drain({ socket, json, wait, persist, drainTime }: DrainOptions): Promise<CommandResult> {
  const query = new URLSearchParams({
    ...(drainTime === undefined ? {} : { time: drainTime }),
    ...(persist ? { persist: "" } : {}),
  });
  return asking(async () => {
    let status = (await askDaemon(socket, `/drain?${query}`, { method: "POST" })) as DrainStatus;
    // each step of the daemon has an end of its own, so this has one, too
    while (wait && status.proven === null && status.state !== "normal") {
      await sleep(ASK_EVERY_MS);
      status = (await askDaemon(socket, "/drain")) as DrainStatus;
    }
    const isBack = wait && status.state === "normal";
    const exitCode = isBack ? 1 : wait && status.proven !== true ? UNPROVEN : 0;
    return { ...shown(status, json), exitCode, ...(isBack ? { error: say("drainTakenBack").message } : {}) };
  });
}

/** @returns exit code 0: nothing drains the node any more; 1: something else than a command does, or no daemon answers */
export function undrain({ socket, json }: Pick<DrainOptions, "socket" | "json">): Promise<CommandResult> {
  return asking(async () => {
    const status = (await askDaemon(socket, "/undrain", { method: "POST" })) as DrainStatus;
    const isNormal = status.state === "normal";
    const causes = status.causes.map((c) => c.text).join("; ");
    const error = { error: say("staysDrained", { causes }).message };
    return { ...shown(status, json), exitCode: isNormal ? 0 : 1, ...(isNormal ? {} : error) };
  });
}

const shown = (status: DrainStatus, json: boolean): Pick<CommandResult, "output"> => ({
  output: json ? `${JSON.stringify(status, null, 2)}\n` : `${drainLines(status).join("\n  ")}\n`,
});

async function asking(ask: () => Promise<CommandResult>): Promise<CommandResult> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BadQuestion) throw new UsageError(say("refusedQuestion", { answer: error.message }));
    if (!(error instanceof DaemonUnreachable)) throw error;
    return { output: "", error: error.message, exitCode: 1 };
  }
}

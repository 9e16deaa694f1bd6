// `drain` and `undrain` asked of a running daemon. Owns what is refused, and the order of file and wish: what is to outlive the daemon
// is with the disk before the answer. No rule of the drain itself lives here (drain/machine.ts).
import { MAX_DRAIN_TIME } from "../config/leavingSettings.ts";
import { readDuration } from "../config/readers.ts";
import type { Said } from "../kernel/messages.ts";
import { type DrainStatus, drainStatus } from "../observe/drainView.ts";
import { say } from "../observe/messages.ts";
import type { Answer, DrainQuestion } from "../observe/statusSocket.ts";
import type { Daemon } from "./daemon.ts";
import { realClock } from "./realTime.ts";

export function drainAnswer({ draining, drainFile }: Daemon): DrainStatus {
  const { state } = draining;
  const view = { state, persistent: drainFile?.isThere === true, causeText: draining.causeText.bind(draining) };
  return drainStatus(view, realClock.now(), realClock.wall());
}

export async function beginDrain(daemon: Daemon, { time, persist }: DrainQuestion): Promise<Answer> {
  const delay = time === null ? null : readDuration(MAX_DRAIN_TIME)(time);
  if (delay?.ok === false) return no(say("drainTime", { fault: delay.message, hint: delay.hint }));
  if (persist) {
    const { drainFile } = daemon;
    if (drainFile === null) return no(say("persistNeedsState"));
    const failure = await drainFile.keep();
    if (failure !== null) return no(say("persistFailed", { why: failure }));
  }
  daemon.draining.wish("command", delay === null ? null : delay.value);
  return { ok: true, document: drainAnswer(daemon) };
}

/** Takes back what a command or a stop asked for; a cordon or taint goes on draining. */
export async function endDrain(daemon: Daemon): Promise<Answer> {
  if (daemon.draining.state.name === "leaving") {
    return no(say("alreadyLeft"));
  }
  const failure = (await daemon.drainFile?.forget()) ?? null;
  if (failure !== null) return no(say("drainFileStays", { why: failure }));
  daemon.draining.undo("command", "stop");
  return { ok: true, document: drainAnswer(daemon) };
}

const no = (said: Said): Answer => ({ ok: false, ...said });

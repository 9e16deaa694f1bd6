// `vipcast shadow`: ask a daemon that runs with --shadow how what it would announce compares with what MetalLB reports. Exit 0 the same,
// 1 something differs, nothing could be compared, or no such daemon answers.
import { renderShadow, type ShadowReport, shadowExitCode } from "../observe/shadowView.ts";
import { askDaemon, BadQuestion, DaemonUnreachable } from "../observe/statusSocket.ts";
import type { TextOptions } from "../observe/statusText.ts";
import type { CommandResult } from "./result.ts";

export interface ShadowCommandOptions extends TextOptions {
  readonly socket: string;
  readonly json: boolean;
}

export async function shadow({ socket, json, ...text }: ShadowCommandOptions): Promise<CommandResult> {
  try {
    // the daemon is of the same version as this command; its documents are typed where it makes them
    const report = (await askDaemon(socket, "/shadow")) as ShadowReport;
    return { output: shadowText(report, json, text), exitCode: shadowExitCode(report) };
  } catch (error) {
    if (!(error instanceof DaemonUnreachable) && !(error instanceof BadQuestion)) throw error;
    return { output: "", error: error.message, exitCode: 1 };
  }
}

export const shadowText = (report: ShadowReport, json: boolean, text: TextOptions): string =>
  json ? `${JSON.stringify(report, null, 2)}\n` : renderShadow(report, text);

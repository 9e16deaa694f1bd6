// docs/messages.md: every message an operator can get, with cause and cure. Owns the page alone; the texts are those of the
// tables beside the code (kernel/messages.ts has the convention), the words of log lines those of observe/logEvents.ts.
import { ALLOCATE_MESSAGES } from "../allocate/messages.ts";
import { ANNOUNCE_MESSAGES } from "../announce/messages.ts";
import { COMMAND_MESSAGES } from "../commands/messages.ts";
import { CONFIG_MESSAGES } from "../config/messages.ts";
import { CONTROL_MESSAGES } from "../control/messages.ts";
import { HOOK_MESSAGES } from "../hooks/messages.ts";
import { INJECT_MESSAGES } from "../inject/messages.ts";
import type { MessageTable } from "../kernel/messages.ts";
import { KUBE_MESSAGES } from "../kube/messages.ts";
import { LOG_EVENTS, type LogEventEntry } from "../observe/logEvents.ts";
import { OBSERVE_MESSAGES } from "../observe/messages.ts";
import { REPORT_MESSAGES } from "../reports/messages.ts";
import { SHADOW_MESSAGES } from "../shadow/messages.ts";
import { SOURCE_MESSAGES } from "../sources/messages.ts";
import { APP_MESSAGES } from "./messages.ts";

/** By what they are about. */
export const MESSAGE_TABLES: Readonly<Record<string, MessageTable>> = {
  "Objects and files, while they are read": SOURCE_MESSAGES,
  "Objects judged together, and annotations": ANNOUNCE_MESSAGES,
  "Sessions, BFD and addresses, while the daemon runs": APP_MESSAGES,
  "Addresses for Services": ALLOCATE_MESSAGES,
  "The controller": CONTROL_MESSAGES,
  "Webhooks of the controller": HOOK_MESSAGES,
  "Injected routes": INJECT_MESSAGES,
  "The API server and the kubeconfig": KUBE_MESSAGES,
  "Reports in the cluster": REPORT_MESSAGES,
  "A shadow of MetalLB (`--shadow`)": SHADOW_MESSAGES,
  "Settings of the daemon": CONFIG_MESSAGES,
  Commands: COMMAND_MESSAGES,
  "Sockets, and answers of a running daemon": OBSERVE_MESSAGES,
};

/** As it may stand in a cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

function messageRows(table: MessageTable): string {
  const rows = Object.entries(table).map(
    ([id, { text, cause, cure }]) => `| \`${id}\` | ${cell(text)} | ${cell(cause)} | ${cell(cure)} |`,
  );
  return ["| Id | Message | Cause | Cure |", "|---|---|---|---|", ...rows].join("\n");
}

/** docs/messages.md. */
export function renderMessagesDoc(): string {
  const sections = Object.entries(MESSAGE_TABLES).map(([title, table]) => `## ${title}\n\n${messageRows(table)}`);
  const events = Object.entries<LogEventEntry>(LOG_EVENTS).map(
    ([event, { level, meaning, cure }]) => `| \`${event}\` | ${level} | ${cell(meaning)} | ${cell(cure)} |`,
  );
  return `# Messages

Generated from the tables \`messages.ts\` beside the code and \`src/observe/logEvents.ts\`; do not edit. \`{holes}\` stand for what varies.

A problem names object, field path and message, then the cure as a hint: in \`vipcast check\`, in the status and in log lines with the event
\`configProblem\`. Where the code knows a closer cure (the name that was probably meant), the hint is that one. Why a Service is not announced is
a word of [the list of reasons](reasons.md). What settings there are says [the configuration](configuration.md), and what the allocator
says of a Service is the text of its event.

${sections.join("\n\n")}

## Events of log lines

| Event | Level | What happened | What to do |
|---|---|---|---|
${events.join("\n")}
`;
}

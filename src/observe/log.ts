// Log lines: one JSON object per event, with the field names of one table. Owns the vocabulary, the levels, the cleaning
// of remote text and the summaries of repeated faults. The only file that knows pino; everyone else sees `Logger`.
// Contract: logging never throws and never waits (logSink.ts), and no line carries a control character.
import { type DestinationStream, type Level, pino } from "pino";
import type { Clock, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { FaultLimiter } from "./faultLimiter.ts";
import type { LogEvent } from "./logEvents.ts";
import type { LogSink } from "./logSink.ts";

interface FieldTypes {
  text: string;
  number: number;
  flag: boolean;
  list: readonly string[];
  thrown: unknown;
}

/** Every key a line may have besides `ts`, `level`, `event` and `msg`. */
export const LOG_FIELDS = {
  peer: { type: "text", help: "name of the BGPPeer" },
  address: { type: "text", help: "address and port of the peer" },
  state: { type: "text", help: "state after the event" },
  from: { type: "text", help: "state before the event" },
  reason: { type: "text", help: "word of a closed list, or the cause in words" },
  code: { type: "number", help: "NOTIFICATION error code" },
  subcode: { type: "number", help: "NOTIFICATION error subcode" },
  to: { type: "text", help: "state after the event, of something smaller than a session" },
  action: { type: "text", help: "what an operator asked for" },
  verdict: { type: "text", help: "what a faulty UPDATE led to (RFC 7606)" },
  attribute: { type: "number", help: "type code of a faulty path attribute" },
  data: { type: "text", help: "octets in hex" },
  family: { type: "text", help: "address family" },
  localAsn: { type: "number", help: "our AS number towards the peer" },
  peerAsn: { type: "number", help: "AS number of the peer" },
  holdTime: { type: "number", help: "hold time in force, seconds" },
  service: { type: "text", help: "namespace/name of the Service" },
  vips: { type: "list", help: "addresses of the Service" },
  pool: { type: "text", help: "name of the IPAddressPool" },
  prefix: { type: "text", help: "prefix" },
  node: { type: "text", help: "name of this node" },
  kind: { type: "text", help: "kind of the object" },
  namespace: { type: "text", help: "namespace of the object" },
  name: { type: "text", help: "name of the object" },
  path: { type: "text", help: "field path in the object, or path of a request" },
  hint: { type: "text", help: "what to do about it" },
  file: { type: "text", help: "file it was read from" },
  line: { type: "number", help: "line in that file, from 1" },
  durationMs: { type: "number", help: "how long it took, milliseconds" },
  turns: { type: "number", help: "turns of the event loop that it took" },
  longestTurnMs: { type: "number", help: "the longest of them, milliseconds" },
  count: { type: "number", help: "how many" },
  services: { type: "number", help: "number of Services" },
  peers: { type: "number", help: "number of peers" },
  problems: { type: "number", help: "number of configuration problems" },
  routes: { type: "number", help: "number of routes" },
  isSummary: { type: "flag", help: "the line stands for `count` lines that were held back" },
  version: { type: "text", help: "version of vipcast" },
  signal: { type: "text", help: "signal that was received" },
  error: { type: "thrown", help: "what was thrown, with its stack in `stack`" },
} as const satisfies Readonly<Record<string, { type: keyof FieldTypes; help: string }>>;

type Fields = typeof LOG_FIELDS;

/** null and undefined are left out of the line. */
export type LogFields = { readonly [K in keyof Fields]?: FieldTypes[Fields[K]["type"]] | null | undefined };

/** @param event a word of logEvents.ts */
type LogCall = (event: LogEvent, fields: LogFields, msg: string) => void;

export interface Logger {
  readonly trace: LogCall;
  readonly debug: LogCall;
  readonly info: LogCall;
  readonly warn: LogCall;
  readonly error: LogCall;
  /** Trace lines are written: worth asking before a packet is put into words. */
  readonly isTracing: boolean;
}

/** MetalLB's words, and `trace`; `all` is the same as `trace`. */
export const LOG_LEVELS = ["all", "trace", "debug", "info", "warn", "error", "none"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Characters of one field or message; a remote can make us print this much per line and no more. */
export const MAX_TEXT = 1000;
const MAX_STACK = 4000;

// Controls, format characters (bidirectional overrides among them), lone surrogates, line and paragraph separators.
// Quotes and backslashes stay: JSON takes care of them, and text that was escaped before comes through unchanged.
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** One line of bounded length, safe for a terminal, whatever it was before. Applying it twice changes nothing more. */
export function cleanText(text: string, limit = MAX_TEXT): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}... (${text.length} characters)` : text;
  return cut.replace(UNSAFE, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** @param wall milliseconds since 1970 */
export function createLogger(level: LogLevel, sink: Pick<LogSink, "write">, wall: () => number): Logger {
  const destination: DestinationStream = sink;
  const out = pino(
    {
      level: level === "all" ? "trace" : level === "none" ? "silent" : level,
      base: null,
      timestamp: () => `,"ts":"${new Date(wall()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      errorKey: "thrown",
    },
    destination,
  );
  const call =
    (name: Level): LogCall =>
    (event, fields, msg) => {
      if (!out.isLevelEnabled(name)) return;
      try {
        out[name](lineOf(event, fields), cleanText(msg));
      } catch {
        // a value that cannot be printed must not hurt whoever reported it
      }
    };
  return {
    trace: call("trace"),
    debug: call("debug"),
    info: call("info"),
    warn: call("warn"),
    error: call("error"),
    isTracing: out.isLevelEnabled("trace"),
  };
}

function lineOf(event: string, fields: LogFields): Record<string, unknown> {
  const line: Record<string, unknown> = { event };
  for (const [key, value] of Object.entries(fields)) {
    if (value === null || value === undefined) continue;
    if (key === "error") Object.assign(line, thrownFields(value));
    else if (typeof value === "string") line[key] = cleanText(value);
    else if (Array.isArray(value)) line[key] = value.slice(0, 64).map((v) => cleanText(String(v)));
    else line[key] = value;
  }
  return line;
}

function thrownFields(error: unknown): Record<string, string> {
  if (!(error instanceof Error)) return { error: cleanText(String(error)) };
  const stack = (error.stack ?? "").split("\n").slice(1).join(" |");
  const text = { error: cleanText(`${error.name}: ${error.message}`) };
  return stack === "" ? text : { ...text, stack: cleanText(stack, MAX_STACK) };
}

/** Lines of the same event about the same subject that pass within a minute. */
export const WARNINGS_PER_MINUTE = 10;

/** What makes two faults the same one: the event and whom it is about. */
const SUBJECT = ["peer", "service", "kind", "namespace", "name", "path", "file"] as const satisfies (keyof LogFields)[];

/**
 * The same log for faults that may repeat without end: of warnings and errors with the same event about the same
 * subject the first `perMinute` of a minute pass; the rest become one line with their number at the end of that minute.
 */
export function limitRepeats(
  log: Logger,
  clock: Pick<Clock, "now">,
  timers: Timers,
  perMinute = WARNINGS_PER_MINUTE,
): Logger {
  const limiter = new FaultLimiter(perMinute);
  const limited =
    (call: LogCall): LogCall =>
    (event, fields, msg) => {
      const now = clock.now();
      const key = JSON.stringify([event, ...SUBJECT.map((f) => fields[f] ?? "")]);
      const admission = limiter.admit(key, now);
      if (admission.pass) {
        call(event, fields, msg);
      } else if (admission.isFirst) {
        const { error: _error, ...own } = fields;
        // past the limit of keys many subjects share one window: naming the first would blame it for all
        const subject = admission.key === key ? own : {};
        timers.after(Millis(Math.max(0, admission.until - now)), () => {
          const count = limiter.close(admission.key);
          call(event, { ...subject, count, isSummary: true }, `${count} more like this within a minute: ${msg}`);
        });
      }
    };
  return { ...log, warn: limited(log.warn), error: limited(log.error) };
}

// What bounds those who watch: log lines, HTTP pages, tokens, the status socket, a shadow. Owns these rows of docs/limits.md. Knows
// nothing of what they are shown.
// Contract: each value is made from the constant that is in force, where it is in force (limit.ts).
import { HTTP_LIMITS } from "../../observe/boundedServer.ts";
import { MAX_SHOWN as INJECTED_SHOWN } from "../../observe/injectView.ts";
import { MAX_TEXT, WARNINGS_PER_MINUTE } from "../../observe/log.ts";
import { BACKLOG_LIMIT } from "../../observe/logSink.ts";
import { ACCESS_LIMITS } from "../../observe/scrapeAccess.ts";
import { HISTORY_LIMITS } from "../../observe/serviceHistory.ts";
import { MAX_PEM, TLS_LOOK_EVERY } from "../../observe/tlsFiles.ts";
import { SHADOW_GRACE, SHADOW_ONCE_LIMIT, SHADOW_PAUSE } from "../shadowing.ts";
import { ANSWER_SLICE_MS } from "../slices.ts";
import { kib, type LimitTheme, seconds } from "./limit.ts";

export const OBSERVATION_LIMITS: LimitTheme = {
  title: "Logs, pages and answers",
  limits: [
    {
      what: "Making an answer of the status socket in one turn",
      value: `${ANSWER_SLICE_MS} ms`,
      why: "a large table must not hold up sessions",
      there: "the rest follows in the next turn, as the reader takes it",
    },
    {
      what: "Identical warnings",
      value: `${WARNINGS_PER_MINUTE} per minute and subject`,
      why: "log volume",
      there: "summed up in one line",
    },
    {
      what: "Log lines waiting for their reader",
      value: kib(BACKLOG_LIMIT),
      why: "a stopped reader must not stop BGP",
      there: "lines are dropped and counted",
    },
    { what: "Text of one log field", value: `${MAX_TEXT} characters`, why: "remote text", there: "cut" },
    {
      what: "Connections of the HTTP pages and of the status socket",
      value: `${HTTP_LIMITS.connections} each; ${seconds(HTTP_LIMITS.requestMs)} per request; headers ${kib(HTTP_LIMITS.headerOctets)}`,
      why: "not a way in",
      there: "refused or closed",
    },
    {
      what: "Body of a POST to the status socket",
      value: kib(HTTP_LIMITS.bodyOctets),
      why: "memory",
      there: "413; a stream has no such end",
    },
    {
      what: "A difference from what MetalLB reports (`--shadow`)",
      value: `compared ${seconds(SHADOW_PAUSE)} after a change, told after ${seconds(SHADOW_GRACE)}; \`--shadow-once\` waits ${seconds(SHADOW_ONCE_LIMIT)} at most`,
      why: "MetalLB needs seconds to act, and to write what it did",
      there: "`--shadow-once` says what is missing and ends with exit code 1",
    },
    {
      what: "Tokens of scrapers (`--metrics-auth`)",
      value: `${ACCESS_LIMITS.tokens} good and as many others remembered, for ${seconds(ACCESS_LIMITS.allowedFor)} and ${seconds(ACCESS_LIMITS.refusedFor)}; a good one for ${seconds(ACCESS_LIMITS.allowedWithoutReview)} while the API server is away`,
      why: "the API server must not pay for every scrape",
      there: "it is asked again",
    },
    {
      what: "Reviews of such tokens",
      value: `${ACCESS_LIMITS.reviews} at a time, ${seconds(ACCESS_LIMITS.review)} each`,
      why: "strangers may come with any token",
      there: "503 with Retry-After",
    },
    {
      what: "Certificate and key of the metrics page",
      value: `${kib(MAX_PEM)} each, looked at every ${seconds(TLS_LOOK_EVERY)}`,
      why: "memory, renewals",
      there: "larger ones are refused",
    },
    {
      what: "Injected routes in `routes`",
      value: `${INJECTED_SHOWN} per peer`,
      why: "memory",
      there: "how many are left out is told; `inject list` has them all",
    },
    {
      what: "Changes of services that are remembered for `vipcast why`",
      value: `${HISTORY_LIMITS.changes} of all services, ${HISTORY_LIMITS.perService} told of one`,
      why: "memory",
      there: "the oldest is forgotten; since when the present answer holds is not",
    },
  ],
};

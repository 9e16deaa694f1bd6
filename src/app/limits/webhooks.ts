// The limits of the controller's webhooks, each with its value taken from where it is in force. Owns these rows of
// docs/limits.md. Contract: see limit.ts.
import { MAX_REFUSAL_LENGTH, MAX_WARNING_LENGTH, MAX_WARNINGS } from "../../hooks/verdict.ts";
import { WEBHOOK_BODY } from "../webhooks.ts";
import { kib, type LimitTheme } from "./limit.ts";

export const WEBHOOK_LIMITS: LimitTheme = {
  title: "Webhooks",
  limits: [
    {
      what: "A review that the webhooks are asked for",
      value: `${kib(WEBHOOK_BODY)}; connections and times as of the HTTP pages`,
      why: "an object has at most 1.5 MiB and comes twice; memory",
      there: "413: the API server goes by its failurePolicy",
    },
    {
      what: "Answer of the webhooks",
      value: `${MAX_WARNINGS} warnings of ${MAX_WARNING_LENGTH} characters; a refusal of ${MAX_REFUSAL_LENGTH}`,
      why: "an API server cuts what is longer",
      there: "cut; `vipcast check` has all of it",
    },
  ],
};

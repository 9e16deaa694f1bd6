// The limits of the controller's webhooks, each with its value taken from where it is in force. Owns these rows of
// docs/limits.md. Contract: see limit.ts.

import { AUTHORITY_LIFE, SERVER_LIFE, SETTLE } from "../../hooks/rotation.ts";
import { MAX_REFUSAL_LENGTH, MAX_WARNING_LENGTH, MAX_WARNINGS } from "../../hooks/verdict.ts";
import { CERTIFICATE_LOOK, CERTIFICATE_RETRY } from "../webhookCertificates.ts";
import { WEBHOOK_BODY } from "../webhooks.ts";
import { kib, type LimitTheme, seconds } from "./limit.ts";

const days = (ms: number): string => (ms === 86_400_000 ? "1 day" : `${ms / 86_400_000} days`);

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
    {
      what: "Certificates that the controller makes",
      value: `an authority for ${days(AUTHORITY_LIFE)}, trusted ${days(SETTLE)} before it signs; a certificate for ${days(SERVER_LIFE)}; looked at every ${seconds(CERTIFICATE_LOOK)}, every ${seconds(CERTIFICATE_RETRY)} in trouble`,
      why: "renewed with a third of its life left, while the old one is still good",
      there: "past their end the API server goes by its failurePolicy",
    },
  ],
};

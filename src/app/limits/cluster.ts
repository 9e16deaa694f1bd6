// What bounds writing to the API server: reports of the speaker, addresses and Lease of the controller. Owns these rows of
// docs/limits.md. Knows nothing of what is written.
// Contract: each value is made from the constant that is in force, where it is in force (limit.ts).
import { LEASE_DURATION_SECONDS, RENEW_DEADLINE_MS, RETRY_PERIOD_MS } from "../../control/election.ts";
import { FIRST_REST, LAST_REST, WRITES_AT_ONCE, WRITES_IN_A_ROW } from "../../control/writeQueue.ts";
import { MAX_CONDITION_MESSAGE } from "../../reports/configurationState.ts";
import { EVENT_BURST, EVENT_EVERY, MAX_EVENTS } from "../../reports/eventLog.ts";
import { RETRY_FIRST, RETRY_LAST } from "../../reports/keeper.ts";
import { PAUSE_FIRST, PAUSE_LAST, PAUSE_SLOW } from "../../reports/obstacles.ts";
import { PACE_CALM, PACE_FIRST, PACE_LAST } from "../../reports/pace.ts";
import { FOLD_TIME, MAX_AT_ONCE, WRITES_PER_SECOND } from "../../reports/reporter.ts";
import { POOL_STATUS_INTERVAL } from "../controllerWrites.ts";
import { LEASE_REQUEST_LIMIT } from "../leader.ts";
import { type LimitTheme, seconds } from "./limit.ts";

export const CLUSTER_LIMITS: LimitTheme = {
  title: "What is written to the cluster",
  limits: [
    {
      what: "Reports to the cluster under way",
      value: `${MAX_AT_ONCE} requests; ${WRITES_PER_SECOND} a second; what changes within ${seconds(FOLD_TIME)} is one change`,
      why: "the API server is everybody's",
      there: "the rest waits, as one entry per object; routing does not",
    },
    {
      what: "Changes of one report",
      value: `the first at once, then ${seconds(PACE_FIRST)} apart, doubling to ${seconds(PACE_LAST)}; forgotten after ${seconds(PACE_CALM)} of calm`,
      why: "what flaps would be written without end",
      there:
        "only the state at the end of the pause is written; sessions up or down, and valid or not, wait for the first pause only",
    },
    {
      what: "Reports that cannot be written",
      value: `the kind pauses for ${seconds(PAUSE_FIRST)}, doubling to ${seconds(PAUSE_LAST)}; without permission or kind ${seconds(PAUSE_SLOW)}; one object that conflicts or is refused ${seconds(RETRY_FIRST)}, doubling to ${seconds(RETRY_LAST)}`,
      why: "no spinning",
      there: "counted in `vipcast_kube_writes_total`; what an operator can mend is told in `status`",
    },
    {
      what: "Events",
      value: `${EVENT_BURST} of one Service, then one in ${seconds(EVENT_EVERY)}; ${MAX_EVENTS} remembered`,
      why: "a Service that flaps would flood the cluster",
      there: "further ones are dropped and counted; of what is forgotten a repetition is a new Event",
    },
    {
      what: "Problems in ConfigurationState",
      value: `${MAX_CONDITION_MESSAGE} characters`,
      why: "the definition of the kind",
      there: "how many are left out is told",
    },
    {
      what: "Lease of the controller",
      value: `lasts ${LEASE_DURATION_SECONDS} s, renewed every ${seconds(RETRY_PERIOD_MS)}; a request for it ${seconds(LEASE_REQUEST_LIMIT)}`,
      why: "as other controllers have it: a leader that died is replaced soon, one that is slow is not",
      there: `who could not renew it for ${seconds(RENEW_DEADLINE_MS)} writes nothing more, before another one can take it`,
    },
    {
      what: "Writes of the controller under way together",
      value: `${WRITES_AT_ONCE} of each kind; the status of pools after ${seconds(POOL_STATUS_INTERVAL)}`,
      why: "the API server has other clients",
      there: "the others wait; `vipcast_kube_reports_pending` counts the Services among them",
    },
    {
      what: "Rest after a write that was refused",
      value: `${seconds(FIRST_REST)}, doubled to ${seconds(LAST_REST)}, spread by half; of the one object`,
      why: "no hot loop",
      there: "it is tried again; after a conflict as soon as the newer object is there",
    },
    {
      what: "Writes of one object in a row that work",
      value: `${WRITES_IN_A_ROW}, each leaving it to be written again; then rests as after a refusal`,
      why: "somebody may set back whatever we write, or the server keep nothing of it",
      there: "it is written ever more rarely, until it stays as it was written",
    },
  ],
};

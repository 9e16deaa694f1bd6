// What is told of injected routes as problems: the table. Owns texts, causes and cures; knows no code that says them. See
// kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const INJECT_MESSAGES = {
  beforeDecided: {
    text: "the injected route stands before the decided one at {peers}",
    cause: "A prefix was injected by hand that a Service announces, too.",
    cure: "To let the decided one through: vipcast inject del {prefix}",
  },
} as const;

export const say = sayFrom(INJECT_MESSAGES);

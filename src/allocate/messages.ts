// What is told of Services that have not the addresses they ask for: the table. Owns texts, causes and cures; knows no code that says
// them. See kernel/messages.ts for the convention. The text itself is that of the Service's event (model.ts).
import { sayFrom } from "../kernel/messages.ts";

export const ALLOCATE_MESSAGES = {
  requestNotUsed: {
    text: "{why}",
    cause: "The addresses that the Service asks for by name cannot be understood (event `LoadBalancerFailed`).",
    cure: "Write one address, or one of each family, in annotation metallb.io/loadBalancerIPs or in spec.loadBalancerIP.",
  },
  lacksAddresses: {
    text: "{why}",
    cause: "No pool that the Service may use has what it asks for (the event's text says what each one lacks).",
    cure: "Give a pool more addresses, or let the Service ask for others; docs/allocation.md has the rules.",
  },
} as const;

export const say = sayFrom(ALLOCATE_MESSAGES);

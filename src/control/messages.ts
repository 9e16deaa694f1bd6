// What is told of the controller's own doings: the table. Owns texts, causes and cures; knows no code that says them. See
// kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const CONTROL_MESSAGES = {
  notWritten: {
    text: "cannot be written: {why}",
    cause: "The API server refuses the write of one object; the text has its answer.",
    cure: "It is tried again, ever more rarely, and whenever the object changes.",
  },
  noWrites: {
    text: "no {what} can be written: {why}",
    cause: "The API server is not reachable, overloaded, or does not allow it.",
    cure: "Where permission is missing, give the controller's account that of config/rbac/controller; it is tried again until it works.",
  },
  noLease: {
    text: "the Lease cannot be asked for: {why}",
    cause: "The API server is not reachable, or does not allow it; without the Lease nothing is written.",
    cure: "Where permission is missing, allow get, create and update of leases in the controller's namespace.",
  },
  noOwner: {
    text: "the Pod cannot be read: {why}",
    cause: "`--pod-name` names no Pod of the namespace, or reading it is not allowed.",
    cure: "The ConfigurationState has no owner and outlives the controller; correct the name, or allow get of pods.",
  },
} as const;

export const say = sayFrom(CONTROL_MESSAGES);

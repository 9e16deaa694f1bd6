// What is told of reports that cannot be written to the cluster: the table. Owns texts, causes and cures; knows no code that says
// them. See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const REPORT_MESSAGES = {
  reportForbidden: {
    text: "no permission to {verb} {what} {place}: {why}",
    cause: "The role of the daemon's account does not allow it.",
    cure: "Nothing is announced differently for that. Allow it to the daemon's account: {rule}.",
  },
  reportAbsent: {
    text: "the API server has no {what} in {apiVersion}, so nothing is reported there",
    cause: "The CustomResourceDefinition is not installed, or the namespace is gone.",
    cure: "Install it from config/crds, or do without: nothing is announced differently for that.",
  },
  reportRefused: {
    text: "the API server does not take an object of ours: {why}",
    cause: "Its definition is another one than ours, or an admission rule stands against it.",
    cure: "See the definition of the kind and the admission rules; the others are written.",
  },
  podNotOwner: {
    text: "Pod {pod} cannot own what is reported, the Node does: {why}",
    cause: "The Pod is not in the namespace of MetalLB's objects, or may not be read.",
    cure: "Correct --pod-name or --namespace, or allow the daemon's account to get pods in that namespace.",
  },
  noOwner: {
    text: "nothing is reported, because nothing can own it: {why}",
    cause: "What is written must go with the daemon's Pod or Node, and neither is there.",
    cure: "Correct --pod-name and --node-name: there must be a Node of that name.",
  },
} as const;

export const say = sayFrom(REPORT_MESSAGES);

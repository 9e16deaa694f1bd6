// What the commands tell whoever calls them: the table. Owns texts, causes and cures; knows no code that says them.
// See kernel/messages.ts for the convention.
import { sayFrom } from "../kernel/messages.ts";

export const COMMAND_MESSAGES = {
  // where the objects come from
  twoSources: {
    text: "is given beside --manifests",
    cause: "Objects are read from manifests or from an API server, not from both.",
    cure: "There is one source: leave one of the two out.",
  },
  contextAlone: {
    text: "has no kubeconfig to be looked up in",
    cause: "--context names a context of a kubeconfig, and none is given.",
    cure: "Give --kubeconfig FILE, or leave it out.",
  },
  noSource: {
    text: "nothing says where the objects are, and this is no pod of a cluster",
    cause: "Neither flag, environment nor file names a source, and no service account is mounted.",
    cure: "Give --manifests DIR or --kubeconfig FILE; in a pod neither is needed.",
  },
  kubeconfigUnreadable: {
    text: "cannot be read: {error}",
    cause: "The kubeconfig does not exist, may not be read, or is too large; the text says which.",
    cure: "Give the file of --kubeconfig.",
  },
} as const;

export const say = sayFrom(COMMAND_MESSAGES);

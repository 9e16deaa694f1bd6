// What is told of the API server and of a kubeconfig: the table. Owns texts, causes and cures; knows no code that says them. See kernel/messages.ts
// for the convention.
import { sayFrom } from "../kernel/messages.ts";

const WAYS = "Use a token, a token file, a client certificate or an exec plugin.";

export const KUBE_MESSAGES = {
  // the API server
  forbidden: {
    text: "no permission to {verb} {what} {place}: {why}",
    cause: "The role of the daemon's account does not allow it.",
    cure: "{cost}Allow it to the daemon's account: {rule}.",
  },
  noSuchKind: {
    text: "the API server has no {what} in {apiVersion}",
    cause: "The CustomResourceDefinition is not installed, or was removed.",
    cure: "Install the CustomResourceDefinition; what has been read of that kind stays in force.",
  },
  notFollowed: {
    text: "cannot be followed: {why}",
    cause: "The API server is not reachable, or answers with errors.",
    cure: "What it last said stays in force; it is tried again until it works.",
  },

  // the kubeconfig
  noMapping: {
    text: "is no YAML mapping",
    cause: "The file is something else, or empty.",
    cure: "Write it with `kubectl config`, or copy one that kubectl can use.",
  },
  noContext: {
    text: "is not set",
    cause: "The file does not say which context to use.",
    cure: "Give --context NAME, or run `kubectl config use-context NAME`.",
  },
  noEntry: {
    text: "has no entry named {name}",
    cause: "A context, cluster or user is named that is not in the file.",
    cure: "Correct the name.",
  },
  badServer: {
    text: "is no http or https URL without query: {url}",
    cause: "The address of the API server cannot be used.",
    cure: "Write https://HOST:PORT.",
  },
  proxy: {
    text: "is not supported: a watch through a proxy would be lost with it",
    cause: "The cluster is reached through a proxy.",
    cure: "Remove it and let the node reach the API server itself, or give another address of the server.",
  },
  insecure: {
    text: "lets anyone on the way pose as the API server",
    cause: "The certificate of the API server is not checked.",
    cure: "Give certificate-authority or certificate-authority-data instead.",
  },
  insecureAuthority: {
    text: "contradicts the certificate authority",
    cause: "A certificate authority is given, and told not to be asked.",
    cure: "Remove one of the two.",
  },
  notPem: {
    text: "is not base64 of PEM text",
    cause: "The data were cut, or encoded twice.",
    cure: "Encode the PEM file with `base64 -w0`.",
  },
  noPasswords: {
    text: "is not supported: API servers take no passwords since Kubernetes 1.19",
    cause: "The file is older than the cluster.",
    cure: WAYS,
  },
  noAuthProvider: {
    text: "is not supported: kubectl knows it no more since Kubernetes 1.26",
    cause: "The file is older than the cluster.",
    cure: WAYS,
  },
  noImpersonation: {
    text: "is not supported: a daemon acts for itself",
    cause: "The user impersonates another one.",
    cure: WAYS,
  },
  tokenLines: {
    text: "has more than one line",
    cause: "A token cannot have line breaks in an HTTP header.",
    cure: "Write it on one line.",
  },
  halfPair: {
    text: "is missing: certificate and key belong together",
    cause: "Only one half of a client certificate is given.",
    cure: "Give both, each as file or as data.",
  },
  pluginVersion: { text: "is required", cause: "The exec plugin has no apiVersion.", cure: "One of {versions}." },
  interactive: {
    text: "is Always, and nobody is there to answer",
    cause: "The exec plugin wants a terminal.",
    cure: "Use a plugin that needs no one.",
  },
} as const;

export const say = sayFrom(KUBE_MESSAGES);

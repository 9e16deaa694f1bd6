// The settings that say who the daemon is and where its objects come from. Owns their table. Knows nothing of what is in the objects.
// Contract: see setting.ts; that one source is chosen, and which, is checked where it is opened (commands/source.ts).
import { readKubernetesName, readPath, readText } from "./readers.ts";
import type { Settings } from "./setting.ts";

/** Who the daemon is, and where its objects come from. */
export interface SourceConfig {
  /** null where it was not given. */
  readonly nodeName: string | null;
  readonly manifests: string | null;
  readonly kubeconfig: string | null;
  /** null: the kubeconfig's current one. */
  readonly context: string | null;
  readonly namespace: string;
  /** null: the daemon is no pod. */
  readonly podName: string | null;
}

export const SOURCE_SETTINGS: Settings<SourceConfig> = {
  nodeName: {
    flag: "node-name",
    env: ["VIPCAST_NODE_NAME", "METALLB_NODE_NAME"],
    placeholder: "NAME",
    fallback: null,
    read: readKubernetesName("subdomain"),
    help: "Name of this node: node selectors and endpoints refer to it",
  },
  manifests: {
    flag: "manifests",
    env: ["VIPCAST_MANIFESTS"],
    placeholder: "DIR",
    fallback: null,
    read: readPath,
    help: "Read the objects from this directory of YAML files, and follow its changes",
  },
  kubeconfig: {
    flag: "kubeconfig",
    env: ["VIPCAST_KUBECONFIG"],
    placeholder: "FILE",
    fallback: null,
    read: readPath,
    help: "Read the objects from the API server of this kubeconfig; in a pod of a cluster neither this nor `manifests` is needed",
  },
  context: {
    flag: "context",
    env: ["VIPCAST_CONTEXT"],
    placeholder: "NAME",
    fallback: null,
    read: readText(253),
    help: "Context of the kubeconfig; without it the current one",
  },
  namespace: {
    flag: "namespace",
    env: ["VIPCAST_NAMESPACE", "METALLB_NAMESPACE"],
    placeholder: "NAMESPACE",
    fallback: "metallb-system",
    read: readKubernetesName("label"),
    help: "Namespace of the metallb.io objects and their Secrets; those elsewhere are not used",
  },
  podName: {
    flag: "pod-name",
    env: ["VIPCAST_POD_NAME", "METALLB_POD_NAME"],
    placeholder: "NAME",
    fallback: null,
    read: readKubernetesName("subdomain"),
    help: "Pod of the daemon: owns the status objects it writes to the cluster; without it the Node owns them",
  },
};

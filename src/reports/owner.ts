// Who owns what we write: the daemon's Pod, else its Node (metallb-compat 8, point 4), so that the cluster removes it with them. Owns the
// choice and its words. Contract: rejects only where the server gave no answer that says so; then it is worth asking again.
import { Millis } from "../kernel/units.ts";
import { ApiError } from "../kube/apiError.ts";
import type { KubeClient } from "../kube/client.ts";
import { NODES, PODS } from "../kube/resources.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import type { OwnerReference } from "./report.ts";

/** An owner that was not there is looked for again after this. */
export const OWNER_RETRY = Millis(60_000);

export interface OwnerAnswer {
  /** null: neither is there. */
  readonly owner: OwnerReference | null;
  /** Why it is not the Pod that was named; null: none was, or it is. */
  readonly podFault: string | null;
}

export interface OwnerQuestion {
  readonly node: string;
  readonly home: string;
  readonly podName: string | null;
}

/** @throws ApiError when the server cannot be asked */
export async function findOwner(client: KubeClient, { node, home, podName }: OwnerQuestion): Promise<OwnerAnswer> {
  let podFault: string | null = null;
  if (podName !== null) {
    try {
      const pod = await client.get(PODS, { namespace: home, name: podName });
      return { owner: referenceTo("Pod", pod), podFault: null };
    } catch (error) {
      if (!(error instanceof ApiError) || !(error.isNotFound || error.isForbidden)) throw error;
      podFault = error.message;
    }
  }
  // listed, not read: that permission is there already
  const [found] = await client.list(NODES, { fieldSelector: `metadata.name=${node}` });
  return { owner: found === undefined ? null : referenceTo("Node", found), podFault };
}

function referenceTo(kind: string, { metadata }: RawObject): OwnerReference | null {
  const { name, uid } = isRawObject(metadata) ? metadata : {};
  if (typeof name !== "string" || typeof uid !== "string") return null;
  return { apiVersion: "v1", kind, name, uid };
}

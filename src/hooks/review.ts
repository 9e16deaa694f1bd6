// Reviews of the API server as text: admission.k8s.io/v1 in and out, and the paths it asks at, which are MetalLB's (metallb-compat 1.10).
// Owns the JSON of reviews; knows no rules. Contract: pure; what is no review gives null, never a throw.
import { parseObject } from "../kube/json.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import type { JUDGED_KINDS, Verdict, WriteRequest } from "./verdict.ts";

/** Where objects of a kind are judged. */
export const VALIDATION_PATHS: Readonly<Record<(typeof JUDGED_KINDS)[number], string>> = {
  BGPPeer: "/validate-metallb-io-v1beta2-bgppeer",
  BGPAdvertisement: "/validate-metallb-io-v1beta1-bgpadvertisement",
  IPAddressPool: "/validate-metallb-io-v1beta1-ipaddresspool",
  BFDProfile: "/validate-metallb-io-v1beta1-bfdprofile",
  Community: "/validate-metallb-io-v1beta1-community",
  L2Advertisement: "/validate-metallb-io-v1beta1-l2advertisement",
  SitePolicy: "/validate-vipcast-io-v1alpha1-sitepolicy",
};

const ADMISSION = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" } as const;
const OPERATIONS = ["CREATE", "UPDATE", "DELETE", "CONNECT"] as const;

export interface Review {
  readonly uid: string;
  readonly request: WriteRequest;
}

/** null: no admission review of version v1. */
export function readReview(text: string): Review | null {
  const review = parseObject(text);
  const request = review?.request;
  if (review?.apiVersion !== ADMISSION.apiVersion || review.kind !== ADMISSION.kind || !isRawObject(request))
    return null;
  const { uid } = request;
  const operation = OPERATIONS.find((one) => one === request.operation);
  const kind = isRawObject(request.kind) ? word(request.kind.kind) : "";
  if (typeof uid !== "string" || uid === "" || operation === undefined || kind === "") return null;
  return {
    uid,
    request: {
      operation,
      kind,
      namespace: word(request.namespace),
      name: word(request.name),
      subResource: word(request.subResource),
      object: objectOf(request.object),
      oldObject: objectOf(request.oldObject),
    },
  };
}

const word = (value: unknown): string => (typeof value === "string" ? value : "");
const objectOf = (value: unknown): RawObject | null => (isRawObject(value) ? value : null);

/** The review with its answer, as JSON will have it. */
export function answerReview(uid: string, { isAllowed, message, warnings }: Verdict): RawObject {
  const status = isAllowed ? {} : { status: { status: "Failure", reason: "Invalid", code: 422, message } };
  const said = warnings.length === 0 ? {} : { warnings };
  return { ...ADMISSION, response: { uid, allowed: isAllowed, ...status, ...said } };
}

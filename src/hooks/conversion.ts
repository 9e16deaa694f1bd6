// BGPPeer between v1beta1 and v1beta2, as the API server asks for it at /convert (apiextensions.k8s.io/v1 ConversionReview; metallb-compat
// 1.2). Owns the fields of both versions. Knows nothing of what they mean. Contract: pure; every object of a review is converted or the
// whole review fails with a reason; metadata and status pass untouched, which the API server insists on.
import { parseObject } from "../kube/json.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";

export const CONVERSION_PATH = "/convert";

const V1BETA1 = "metallb.io/v1beta1";
const V1BETA2 = "metallb.io/v1beta2";
const REVIEW = { apiVersion: "apiextensions.k8s.io/v1", kind: "ConversionReview" } as const;

/** Fields of both versions; those of v1beta2 alone are lost on the way to v1beta1, as with MetalLB. */
const COMMON = [
  "myASN",
  "peerASN",
  "peerAddress",
  "sourceAddress",
  "peerPort",
  "routerID",
  "nodeSelectors",
  "password",
  "bfdProfile",
  "ebgpMultiHop",
] as const;
/** Present in every converted object: what is absent becomes an explicit zero, which turns timers off. */
const TIMERS = ["holdTime", "keepaliveTime"] as const;

/** The answer to a review, as JSON will have it; null: no conversion review of version v1. */
export function convertReview(text: string): RawObject | null {
  const review = parseObject(text);
  const request = review?.request;
  if (review?.apiVersion !== REVIEW.apiVersion || review.kind !== REVIEW.kind || !isRawObject(request)) return null;
  const { uid, desiredAPIVersion: wanted, objects } = request;
  if (typeof uid !== "string" || typeof wanted !== "string" || !Array.isArray(objects)) return null;
  const failed = (message: string): RawObject => ({
    ...REVIEW,
    response: { uid, convertedObjects: [], result: { status: "Failure", message } },
  });
  const convertedObjects: RawObject[] = [];
  for (const object of objects) {
    const converted = isRawObject(object) ? convertPeer(object, wanted) : "an object of the review is none";
    if (typeof converted === "string") return failed(converted);
    convertedObjects.push(converted);
  }
  return { ...REVIEW, response: { uid, convertedObjects, result: { status: "Success" } } };
}

/** @returns the object in the version that is wanted, or why there is none */
export function convertPeer(object: RawObject, wanted: string): RawObject | string {
  const { apiVersion, kind, spec } = object;
  if (kind !== "BGPPeer") return `only BGPPeer is converted, not ${String(kind)}`;
  if (apiVersion === wanted) return object;
  const isKnown = [V1BETA1, V1BETA2].includes(String(apiVersion)) && [V1BETA1, V1BETA2].includes(wanted);
  if (!isKnown) return `BGPPeer is not converted from ${String(apiVersion)} to ${wanted}`;
  const fields = isRawObject(spec) ? spec : {};
  const kept = COMMON.flatMap((key) => (fields[key] === undefined ? [] : [[key, fields[key]] as const]));
  const timers = TIMERS.map((key) => [key, fields[key] ?? "0s"] as const);
  return { ...object, apiVersion: wanted, spec: Object.fromEntries([...kept, ...timers]) };
}

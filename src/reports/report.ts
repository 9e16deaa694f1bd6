// What an object of ours in the cluster should say, and what it says: the two sides that keeper.ts compares. Owns these shapes, the
// reading of stored objects and the bodies of writes. Knows nothing of what is reported, nor of requests.
// Contract: pure; a body names only what is ours, so that fields of others in the object stay as they are.
import { apiVersionOf, type KubeResource } from "../kube/resources.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { isSame } from "../sources/same.ts";

export type Labels = Readonly<Record<string, string>>;

/** Whose end is the object's end; the shape of metadata.ownerReferences. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

/** One object as it should be. */
export interface Report {
  /** Equal for what stands for the same thing. */
  readonly key: string;
  readonly metadata: { readonly name: string } | { readonly generateName: string };
  readonly labels: Labels;
  readonly status: RawObject;
  /** A change of this goes out at once; others may be paced (keeper.ts). */
  readonly urgent: string;
}

/** A kind of objects that this node writes. */
export interface ReportKind {
  readonly resource: KubeResource;
  /** Which of them are this node's. */
  readonly select: { readonly name: string } | { readonly labelSelector: string };
  /** What a stored object stands for; null: none of ours. */
  readonly keyOf: (object: Pick<Seen, "name" | "labels">) => string | null;
  /** What of the stored status stays: moments of changes that were none. */
  readonly settled?: (wanted: RawObject, seen: RawObject) => RawObject;
}

/** An object as it is stored, as far as it is looked at. */
export interface Seen {
  readonly name: string;
  readonly uid: string;
  readonly version: string;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly labels: Labels;
  readonly owners: readonly unknown[];
  readonly status: RawObject;
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");
const object = (value: unknown): RawObject => (isRawObject(value) ? value : {});

export function readSeen(raw: RawObject): Seen {
  const metadata = object(raw.metadata);
  const labels = Object.entries(object(metadata.labels)).map(([key, value]) => [key, text(value)] as const);
  return {
    name: text(metadata.name),
    uid: text(metadata.uid),
    version: text(metadata.resourceVersion),
    createdAt: text(metadata.creationTimestamp),
    labels: Object.fromEntries(labels),
    owners: Array.isArray(metadata.ownerReferences) ? metadata.ownerReferences : [],
    status: object(raw.status),
  };
}

/**
 * Resource versions of one resource grow (KEP-5504), so that a watch that is late is told from one that has news.
 * @returns false also for versions that are no numbers: then what comes last counts
 */
export function isOlder(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}

/** The status is not in it: a server with a status subresource drops it from a create. */
export function createBody({ resource }: ReportKind, report: Report, owner: OwnerReference, home: string): RawObject {
  const metadata = { ...report.metadata, namespace: home, labels: report.labels, ownerReferences: [owner] };
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata };
}

/** Merge patch that makes it ours: labels, and the owner alone; null: it is. Who wrote it before us may be about to go. */
export function metadataPatch(seen: Seen, report: Report, owner: OwnerReference): RawObject | null {
  const hasLabels = Object.entries(report.labels).every(([key, value]) => seen.labels[key] === value);
  const isOwned = seen.owners.length === 1 && isSame(seen.owners[0], owner);
  if (hasLabels && isOwned) return null;
  return { metadata: { resourceVersion: seen.version, labels: report.labels, ownerReferences: [owner] } };
}

/** Merge patch of the status; null: it says what it should. */
export function statusPatch(kind: ReportKind, seen: Seen, report: Report): RawObject | null {
  const wanted = kind.settled?.(report.status, seen.status) ?? report.status;
  if (isSame(wanted, seen.status)) return null;
  const gone = Object.keys(seen.status).filter((field) => !(field in wanted));
  const status = { ...Object.fromEntries(gone.map((field) => [field, null])), ...wanted };
  return { metadata: { resourceVersion: seen.version }, status };
}

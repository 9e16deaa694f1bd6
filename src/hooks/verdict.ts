// May this object be written? What the validating webhooks answer, decided by the same reading and the same compilation as `vipcast check`
// (one truth). Owns which of their problems refuse, which only warn, and what is let through unseen. Must not know HTTP or reviews' JSON.
// Contract: pure; never throws; refuses only what is an error of the object itself and is certain: where our knowledge of the other objects is
// incomplete, and where something is missing that may still come (a profile, a Secret, an alias), the object passes with a warning.
import { settingPath } from "../announce/annotations.ts";
import { compile } from "../announce/compile.ts";
import type { Labels, ModelKind, ModelObject, ObjectOfKind } from "../announce/model.ts";
import { profileOf } from "../announce/peers.ts";
import { matchesAnyOrNone } from "../announce/select.ts";
import type { Said } from "../kernel/messages.ts";
import { type ConfigProblem, refKey, refText } from "../kernel/problem.ts";
import { listed } from "../kernel/suggest.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { readObject } from "../sources/intake.ts";
import { isSame } from "../sources/same.ts";
import { objectKey, type StoreView } from "../sources/store.ts";
import { say } from "./messages.ts";

/** Kinds that are judged; review.ts says where. */
export const JUDGED_KINDS = [
  "BGPPeer",
  "BGPAdvertisement",
  "IPAddressPool",
  "BFDProfile",
  "Community",
  "L2Advertisement",
  "SitePolicy",
] as const;

export interface WriteRequest {
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty: the object itself. */
  readonly subResource: string;
  /** null in a deletion. */
  readonly object: RawObject | null;
  /** null in a creation. */
  readonly oldObject: RawObject | null;
}

/** What the judge knows of the cluster. */
export interface Knowledge {
  readonly store: StoreView;
  /** Why `store` may lack objects, or have old ones; null: it is complete. */
  readonly missing: string | null;
  /** Namespace of MetalLB's objects. */
  readonly home: string;
}

export interface Verdict {
  readonly isAllowed: boolean;
  /** Why not; empty when allowed. */
  readonly message: string;
  readonly warnings: readonly string[];
}

/** Warnings of one answer, and characters of each: an API server cuts what is longer. */
export const MAX_WARNINGS = 12;
export const MAX_WARNING_LENGTH = 256;
/** Characters of a refusal. */
export const MAX_REFUSAL_LENGTH = 4096;

const allowed = (...warnings: readonly Said[]): Verdict => verdictOf([], warnings.map(textOf));

export function judge(request: WriteRequest, known: Knowledge): Verdict {
  const { operation, kind, namespace, subResource, object, oldObject } = request;
  if (subResource !== "" || operation === "CONNECT") return allowed();
  if (!isJudged(kind)) return allowed(say("unknownKind", { kind }));
  if (operation === "DELETE") return kind === "BFDProfile" ? judgeDeletion(request, known) : allowed();
  if (object === null) return allowed();
  if (namespace !== known.home) {
    const said = say("outsideHome", { namespace, home: known.home });
    return operation === "CREATE" ? verdictOf([`metadata.namespace: ${textOf(said)}`], []) : allowed(said);
  }
  if (isLeaving(object) || (oldObject !== null && readsTheSame(object, oldObject))) return allowed();
  const read = readObject(withPlace(object, request), Number.MAX_SAFE_INTEGER, known.home);
  const hasErrors = read.object === null || read.problems.some((p) => p.severity === "error");
  if (hasErrors) return verdictOfProblems(read.problems, []);
  const warnings = known.missing === null ? [] : [textOf(say("notJudged", { why: known.missing }))];
  const among = known.missing === null && read.object !== null ? problemsAmong(read.object, object, known.store) : [];
  return verdictOfProblems([...read.problems, ...among], warnings);
}

const isJudged = (kind: string): boolean => (JUDGED_KINDS as readonly string[]).includes(kind);

/** metallb-compat 1.7. */
function judgeDeletion({ namespace, name }: WriteRequest, { store, missing, home }: Knowledge): Verdict {
  if (namespace !== home) return allowed();
  if (missing !== null) return allowed(say("notJudged", { why: missing }));
  const users = [...store.list("BGPPeer")].filter((p) => p.bfdProfile === name && p.ref.namespace === namespace);
  if (users.length === 0) return allowed();
  const peers = listed(users.map(({ ref }) => refText(ref)).sort());
  return verdictOf([textOf(say("profileInUse", { peers }))], []);
}

/** Its finalizers must be free to go, whatever is wrong with it. */
const isLeaving = ({ metadata }: RawObject): boolean => isRawObject(metadata) && metadata.deletionTimestamp != null;

/** Nothing that anybody reads is changed: whoever moves a finalizer or the status is not asked to mend the rest. */
function readsTheSame(after: RawObject, before: RawObject): boolean {
  const read = ({ apiVersion, spec, metadata }: RawObject): unknown => {
    const { labels, annotations } = isRawObject(metadata) ? metadata : {};
    return { apiVersion, spec, labels, annotations };
  };
  return isSame(read(after), read(before));
}

/** `generateName` has become a name by then, but not every server shows it. */
function withPlace(object: RawObject, { namespace, name }: WriteRequest): RawObject {
  const metadata = isRawObject(object.metadata) ? object.metadata : {};
  return { ...object, metadata: { ...metadata, namespace, name: metadata.name ?? (name || "unnamed") } };
}

/** What is wrong with the object beside the others, on whichever node; it yields to those that are there. */
function problemsAmong(object: ModelObject, raw: RawObject, store: StoreView): readonly ConfigProblem[] {
  // an edit is as new as a creation: it must not put out what is in force
  const candidate: ModelObject = { ...object, createdAt: null, order: Number.MAX_SAFE_INTEGER };
  const view = new CandidateView(store, candidate);
  const nodes = nodesThatDiffer(view);
  const isSelected = nodes.some(({ labels }) => selectsNode(candidate, labels));
  const tries = nodes.map(({ nodeName }) => ({ nodeName, in: view as StoreView }));
  if (!isSelected) tries.push({ nodeName: "any", in: new CandidateView(store, everywhere(candidate), true) });
  const own = new Map<string, ConfigProblem>();
  for (const { nodeName, in: seen } of tries) {
    const options = { nodeName, lbClass: "", ignoreExcludeLb: false, routerId: null };
    for (const p of compile(seen, options).problems) {
      if (refKey(p) === refKey(candidate.ref)) own.set(`${p.severity} ${p.path} ${p.message}`, p);
    }
  }
  return [...own.values()].flatMap((p) => asToOrder(p, candidate, raw, store));
}

const SECRET_PATHS: ReadonlySet<string> = new Set(["spec.passwordSecret.name", settingPath("bfdAuthSecret")]);

/** What may merely not be there yet is no error, as in MetalLB (metallb-compat 1.10); of Secrets the webhook knows nothing. */
function asToOrder(p: ConfigProblem, candidate: ModelObject, raw: RawObject, store: StoreView): ConfigProblem[] {
  if (candidate.kind === "BGPPeer" && SECRET_PATHS.has(p.path)) return [];
  const isProfileMissing =
    candidate.kind === "BGPPeer" && p.path === "spec.bfdProfile" && profileOf(candidate, store) === undefined;
  const isAliasMissing =
    candidate.kind !== "Community" && /ommunities\[\d+\]$/.test(p.path) && !String(valueAt(raw, p.path)).includes(":");
  return [isProfileMissing || isAliasMissing ? { ...p, severity: "warning" } : p];
}

/** @param path `spec.communities[3]` */
const valueAt = (raw: RawObject, path: string): unknown =>
  path.split(/[.[\]]+/).reduce<unknown>((value, key) => {
    if (key === "") return value;
    return Array.isArray(value) ? value[Number(key)] : isRawObject(value) ? value[key] : undefined;
  }, raw);

const selectorsOf = (object: ModelObject) => ("nodeSelectors" in object ? object.nodeSelectors : []);
const selectsNode = (object: ModelObject, labels: Labels): boolean => matchesAnyOrNone(selectorsOf(object), labels);
const everywhere = (object: ModelObject): ModelObject =>
  "nodeSelectors" in object ? { ...object, nodeSelectors: [] } : object;

const SELECTING = ["BGPPeer", "BGPAdvertisement", "SitePolicy"] as const;

/** One node of each set of nodes that the same objects select: the others compile alike. */
function nodesThatDiffer(view: StoreView): readonly { readonly nodeName: string; readonly labels: Labels }[] {
  const selecting = SELECTING.flatMap((kind): ModelObject[] => [...view.list(kind)]);
  const found = new Map<string, { readonly nodeName: string; readonly labels: Labels }>();
  for (const { ref, labels } of view.list("Node")) {
    const key = selecting.map((object) => Number(selectsNode(object, labels))).join("");
    if (!found.has(key)) found.set(key, { nodeName: ref.name, labels });
  }
  return [...found.values()];
}

/** The store with one object in place. */
class CandidateView implements StoreView {
  readonly #store: StoreView;
  readonly #candidate: ModelObject;
  readonly #key: string;
  readonly #isAlone: boolean;

  /** @param isAlone without the other peers, advertisements and policies: they may be for other nodes */
  constructor(store: StoreView, candidate: ModelObject, isAlone = false) {
    this.#store = store;
    this.#candidate = candidate;
    this.#key = objectKey(candidate.ref);
    this.#isAlone = isAlone;
  }

  get<K extends ModelKind>(kind: K, key: string): ObjectOfKind<K> | undefined {
    return this.#isIts(kind) && key === this.#key ? (this.#candidate as ObjectOfKind<K>) : this.#store.get(kind, key);
  }

  *list<K extends ModelKind>(kind: K): Iterable<ObjectOfKind<K>> {
    const isHidden = this.#isAlone && (SELECTING as readonly ModelKind[]).includes(kind);
    for (const object of isHidden ? [] : this.#store.list(kind)) {
      if (!this.#isIts(kind) || objectKey(object.ref) !== this.#key) yield object;
    }
    if (this.#isIts(kind)) yield this.#candidate as ObjectOfKind<K>;
  }

  count(kind: ModelKind): number {
    return [...this.list(kind)].length;
  }

  slicesOf(): [] {
    return [];
  }

  #isIts(kind: ModelKind): boolean {
    return kind === this.#candidate.kind;
  }
}

function verdictOfProblems(problems: readonly ConfigProblem[], warnings: readonly string[]): Verdict {
  const lines = (severity: ConfigProblem["severity"]): string[] =>
    problems.filter((p) => p.severity === severity).map(lineOf);
  return verdictOf(lines("error"), [...lines("warning"), ...warnings]);
}

function verdictOf(errors: readonly string[], warnings: readonly string[]): Verdict {
  return {
    isAllowed: errors.length === 0,
    message: cut(errors.join("; "), MAX_REFUSAL_LENGTH),
    warnings: warnings.slice(0, MAX_WARNINGS).map((text) => cut(text, MAX_WARNING_LENGTH)),
  };
}

const lineOf = (p: ConfigProblem): string => `${p.path === "" ? "" : `${p.path}: `}${textOf(p)}`;
const textOf = ({ message, hint }: { readonly message: string; readonly hint: string }): string =>
  hint === "" ? message : `${message} (${hint})`;
const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 3)}...`);

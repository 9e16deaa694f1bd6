// The state of a directory of manifests: files -> documents -> objects in the store. Owns which version of an object is
// in force (last good content, first of duplicates), the order of objects, and where each one was read. Knows nothing of
// the file system, of watching, of what objects are for. Rules:
//   1. a file with a syntax error keeps its last good content as a whole;
//   2. an object that does not validate keeps its last good version from the same file, its neighbours take effect;
//   3. of equal names the first in file order, then document order counts; when it goes the next one takes over;
//   4. a removed file removes its objects.
// Contract: every call returns the changes it made in the store; what did not change makes no change.
import type { ModelObject } from "../announce/model.ts";
import { withHint } from "../kernel/messages.ts";
import { type ConfigProblem, type ObjectRef, problemOf, refKey, refText, withLastGood } from "../kernel/problem.ts";
import { type ReadResult, readObjects } from "./intake.ts";
import { say } from "./messages.ts";
import { METALLB_NAMESPACE } from "./metadata.ts";
import { labelsBetween } from "./orderLabels.ts";
import { isSame } from "./same.ts";
import { type ObjectStore, objectKey, type StoreChange } from "./store.ts";
import { MAX_MANIFEST_BYTES, type YamlDocument, YamlFile } from "./yamlFile.ts";

type Content = YamlDocument<readonly ReadResult[]>;

interface FileState {
  readonly name: string;
  /** The last good version; null when there was none yet. */
  yaml: YamlFile<readonly ReadResult[]> | null;
  documents: readonly DocumentState[];
  /** Why the newest version is not in force; empty when it is. */
  faults: readonly ConfigProblem[];
}

interface DocumentState {
  readonly content: Content;
  /** Position in the file. */
  index: number;
  readonly entries: readonly Entry[];
}

/** One object of a document, or what stands where one should be. */
interface Entry {
  readonly file: FileState;
  readonly document: DocumentState;
  readonly read: ReadResult;
  /** Of the name; null when it has none. */
  readonly key: string | null;
  /** What this entry stands for: the object read, or its last good version, or nothing. */
  object: ModelObject | null;
  /** Grows along files and documents; see orderLabels.ts. */
  label: number;
}

const UNLABELLED = Number.NaN;

export class ObjectSet {
  readonly #store: ObjectStore;
  readonly #home: string;
  readonly #files = new Map<string, FileState>();
  /** Sorted. */
  readonly #names: string[] = [];
  /** By name of the object: entries that stand for something, in order; the first is in force. */
  readonly #claims = new Map<string, Entry[]>();
  readonly #contested = new Set<string>();
  readonly #troubled = new Set<FileState>();
  #revision = 0;

  /** @param home namespace of MetalLB's own objects */
  constructor(store: ObjectStore, home = METALLB_NAMESPACE) {
    this.#store = store;
    this.#home = home;
  }

  /** Grows whenever `problems()` may give another answer. */
  get revision(): number {
    return this.#revision;
  }

  /** New content of a file. @param name relative to the directory; sorts and names the file in problems. */
  setFile(name: string, content: string | Uint8Array): readonly StoreChange[] {
    const file = this.#open(name);
    if (content.length > MAX_MANIFEST_BYTES) return this.#keep(file, [tooLarge(name, content.length)]);
    const text = typeof content === "string" ? content : decodeUtf8(content);
    if (text === null) {
      const fault = problemOf(fileRef(name), "", say("notUtf8", { keeps: keepsHint(file) }));
      return this.#keep(file, [{ ...fault, file: name }]);
    }
    const yaml = YamlFile.parse(name, text, (value) => readObjects(value, 0, this.#home), file.yaml);
    const faults = yaml.faults.map((fault) => ({
      ...problemOf(fileRef(name), "", withHint(fault, `${fault.hint}${keepsHint(file)}`)),
      file: name,
      line: fault.line,
    }));
    if (faults.length > 0) return this.#keep(file, faults);
    file.yaml = yaml;
    file.faults = [];
    return this.#replace(file, yaml.documents);
  }

  removeFile(name: string): readonly StoreChange[] {
    const file = this.#files.get(name);
    if (file === undefined) return [];
    const changes = this.#replace(file, []);
    this.#files.delete(name);
    this.#names.splice(this.#position(name), 1);
    if (this.#troubled.delete(file)) this.#revision++;
    return changes;
  }

  /** The file is there and cannot be read: what was in force stays. */
  setUnreadable(name: string, reason: string): void {
    const file = this.#open(name);
    this.#keep(file, [
      { ...problemOf(fileRef(name), "", say("unreadableFile", { why: reason }, keepsHint(file).trim())), file: name },
    ]);
  }

  /** Everything that is wrong, with file and line, in the order of files and lines. */
  problems(): readonly ConfigProblem[] {
    const out: ConfigProblem[] = [];
    for (const file of this.#troubled) {
      out.push(...file.faults);
      for (const entry of entriesOf(file.documents)) {
        const stale = entry.read.object === null && entry.object !== null;
        for (const problem of entry.read.problems) {
          out.push({ ...(stale ? withLastGood(problem) : problem), ...placeOf(entry, problem.path) });
        }
      }
    }
    for (const key of this.#contested) out.push(...duplicateProblems(this.#claims.get(key) ?? []));
    return out.sort((a, b) => compareText(a.file ?? "", b.file ?? "") || (a.line ?? 0) - (b.line ?? 0));
  }

  /** Where a field of an object in force stands: for problems that are found later, between objects. */
  locate(ref: ObjectRef, path: string): { readonly file: string; readonly line: number } | null {
    const entry = this.#claims.get(refKey(ref))?.[0];
    return entry === undefined ? null : placeOf(entry, path);
  }

  #open(name: string): FileState {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = { name, yaml: null, documents: [], faults: [] };
      this.#files.set(name, file);
      this.#names.splice(this.#position(name), 0, name);
    }
    return file;
  }

  /** Index of the name in the sorted list, or where it belongs. */
  #position(name: string): number {
    let low = 0;
    let high = this.#names.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareText(this.#names[middle] ?? "", name) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #keep(file: FileState, faults: readonly ConfigProblem[]): readonly StoreChange[] {
    file.faults = faults;
    this.#troubled.add(file);
    this.#revision++;
    return [];
  }

  #replace(file: FileState, contents: readonly Content[]): readonly StoreChange[] {
    const old = file.documents;
    const shorter = Math.min(old.length, contents.length);
    let head = 0;
    while (head < shorter && old[head]?.content === contents[head]) head++;
    let tail = 0;
    while (tail < shorter - head && old.at(-1 - tail)?.content === contents.at(-1 - tail)) tail++;

    const kept = old.slice(0, head);
    const after = old.slice(old.length - tail);
    const left = new Map<Content, DocumentState[]>();
    for (const document of old.slice(head, old.length - tail)) {
      left.set(document.content, [...(left.get(document.content) ?? []), document]);
    }
    const between = contents
      .slice(head, contents.length - tail)
      .map((content) => left.get(content)?.shift() ?? makeDocument(file, content));
    const gone = [...left.values()].flatMap((documents) => entriesOf(documents));

    file.documents = [...kept, ...between, ...after];
    file.documents.forEach((document, i) => {
      document.index = i;
    });
    const fresh = entriesOf(between);
    inherit(fresh, gone);
    const relabelled = this.#label(fresh, this.#lastBefore(file, kept), this.#firstAfter(file, after));
    const touched = new Set([...gone, ...fresh, ...relabelled]);
    return this.#settle(file, gone, touched);
  }

  #lastBefore(file: FileState, kept: readonly DocumentState[]): number {
    const own = lastEntry(kept);
    if (own !== undefined) return own.label;
    for (let i = this.#position(file.name) - 1; i >= 0; i--) {
      const entry = lastEntry(this.#files.get(this.#names[i] ?? "")?.documents ?? []);
      if (entry !== undefined) return entry.label;
    }
    return Number.NEGATIVE_INFINITY;
  }

  #firstAfter(file: FileState, after: readonly DocumentState[]): number {
    const own = firstEntry(after);
    if (own !== undefined) return own.label;
    for (let i = this.#position(file.name) + 1; i < this.#names.length; i++) {
      const entry = firstEntry(this.#files.get(this.#names[i] ?? "")?.documents ?? []);
      if (entry !== undefined) return entry.label;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Gives entries labels between two bounds, keeping those that fit. @returns the entries whose label is new. */
  #label(entries: readonly Entry[], low: number, high: number): readonly Entry[] {
    const changed: Entry[] = [];
    let bound = low;
    let waiting: Entry[] = [];
    const place = (upTo: number): boolean => {
      const labels = labelsBetween(bound, upTo, waiting.length);
      waiting.forEach((entry, i) => {
        entry.label = labels?.[i] ?? UNLABELLED;
      });
      changed.push(...waiting);
      waiting = [];
      return labels !== null;
    };
    let fits = true;
    for (const entry of entries) {
      if (entry.label > bound && entry.label < high && waiting.length === 0) bound = entry.label;
      else if (
        entry.label > bound &&
        entry.label < high &&
        labelsBetween(bound, entry.label, waiting.length) !== null
      ) {
        fits = place(entry.label) && fits;
        bound = entry.label;
      } else waiting.push(entry);
    }
    fits = place(high) && fits;
    return fits ? changed : this.#relabel();
  }

  /** No number fits between two neighbours any more (after dozens of insertions at one place): number all anew. */
  #relabel(): readonly Entry[] {
    const all = this.#names.flatMap((name) => [...entriesOf(this.#files.get(name)?.documents ?? [])]);
    const labels = labelsBetween(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, all.length) ?? [];
    all.forEach((entry, i) => {
      entry.label = labels[i] ?? UNLABELLED;
    });
    return all;
  }

  /** Brings claims and store in line with the entries that came, went or moved. */
  #settle(file: FileState, gone: readonly Entry[], touched: ReadonlySet<Entry>): readonly StoreChange[] {
    const leaving = new Set(gone);
    const keys = new Set<string>();
    for (const entry of touched) {
      if (entry.key === null) continue;
      keys.add(entry.key);
      const claims = (this.#claims.get(entry.key) ?? []).filter((e) => e !== entry);
      if (!leaving.has(entry) && entry.object !== null) claims.push(entry);
      this.#claims.set(entry.key, claims);
    }
    const changes: StoreChange[] = [];
    for (const key of keys) {
      const claims = (this.#claims.get(key) ?? []).sort((a, b) => a.label - b.label);
      const change = this.#enforce(claims[0], touched, key);
      if (change !== null) changes.push(change);
      if (claims.length === 0) this.#claims.delete(key);
      const wasContested = this.#contested.delete(key);
      if (claims.length > 1) this.#contested.add(key);
      if (wasContested || claims.length > 1) this.#revision++;
    }
    const isTroubled = file.documents.some((d) => d.entries.some((e) => e.read.problems.length > 0));
    const wasTroubled = this.#troubled.delete(file);
    if (isTroubled) this.#troubled.add(file);
    if (isTroubled || wasTroubled) this.#revision++;
    return changes;
  }

  #enforce(winner: Entry | undefined, touched: ReadonlySet<Entry>, key: string): StoreChange | null {
    if (winner === undefined || winner.object === null) {
      for (const entry of touched) {
        if (entry.key === key && entry.object !== null) return this.#store.remove(entry.object.kind, entry.object.ref);
      }
      return null;
    }
    const current = this.#store.get(winner.object.kind, objectKey(winner.object.ref));
    const wanted: ModelObject =
      winner.object.order === winner.label ? winner.object : { ...winner.object, order: winner.label };
    if (current !== undefined && isSame(current, wanted)) {
      winner.object = current;
      return null;
    }
    winner.object = wanted;
    return this.#store.put(wanted);
  }
}

function makeDocument(file: FileState, content: Content): DocumentState {
  const entries: Entry[] = [];
  const document: DocumentState = { content, index: 0, entries };
  for (const read of content.result ?? []) {
    if (read.object === null && read.problems.length === 0) continue;
    const key = read.ref === null || read.ref.name === "" ? null : refKey(read.ref);
    entries.push({ file, document, read, key, object: read.object, label: UNLABELLED });
  }
  return document;
}

/** What leaves the file hands its place in the order, and where needed its good version, to the new text of that name. */
function inherit(fresh: readonly Entry[], gone: readonly Entry[]): void {
  const heirless = new Map<string, Entry>();
  for (const entry of gone) if (entry.key !== null && !heirless.has(entry.key)) heirless.set(entry.key, entry);
  for (const entry of fresh) {
    if (entry.key === null || !Number.isNaN(entry.label)) continue;
    const former = heirless.get(entry.key);
    if (former === undefined) continue;
    heirless.delete(entry.key);
    entry.label = former.label;
    entry.object ??= former.object;
  }
}

const entriesOf = (documents: readonly DocumentState[]): readonly Entry[] => documents.flatMap((d) => d.entries);
const firstEntry = (documents: readonly DocumentState[]): Entry | undefined =>
  documents.find((d) => d.entries.length > 0)?.entries[0];
const lastEntry = (documents: readonly DocumentState[]): Entry | undefined =>
  documents.findLast((d) => d.entries.length > 0)?.entries.at(-1);

function placeOf(entry: Entry, path: string): { readonly file: string; readonly line: number } {
  const { base } = entry.read;
  const full = base === "" || path === "" ? base + path : `${base}.${path}`;
  return { file: entry.file.name, line: entry.file.yaml?.lineOf(entry.document.index, full) ?? 1 };
}

function duplicateProblems(claims: readonly Entry[]): readonly ConfigProblem[] {
  const [first, ...others] = claims;
  if (first === undefined) return [];
  const place = placeOf(first, "metadata.name");
  return others.flatMap((entry) => {
    const ref = entry.object?.ref;
    if (ref === undefined) return [];
    const values = { object: refText(ref), file: place.file, line: place.line };
    const problem = problemOf(ref, "metadata.name", say("definedTwice", values));
    return [{ ...problem, ...placeOf(entry, "metadata.name") }];
  });
}

const fileRef = (name: string): ObjectRef => ({ kind: "File", namespace: null, name });
const keepsHint = (file: FileState): string =>
  file.yaml === null ? "" : " The last good content of the file stays in force.";

const tooLarge = (name: string, bytes: number): ConfigProblem => ({
  ...problemOf(fileRef(name), "", say("fileTooLarge", { bytes, max: MAX_MANIFEST_BYTES })),
  file: name,
});

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** By UTF-16 code unit: the same on every machine, whatever its locale. */
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

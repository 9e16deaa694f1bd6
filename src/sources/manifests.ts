// SHELL: a directory of manifests (or one file) on disk -> ObjectSet. Owns watching, reading and the decision when a file
// may be judged. Knows nothing of YAML or of what objects mean.
// Contract: level-triggered; whatever woke us, the file is read as it is now. A replacement (rename) counts in the next
// turn, a write in place after QUIET_MS without another write, so that half a file is never judged. A directory that
// vanishes, and files that vanish in a crowd until it is clear that it stays, leave everything in force. Lost events are
// made good by comparing every file's stat every RESCAN_MS.
import { type FSWatcher, lstatSync, readdirSync, readFileSync, type Stats, statSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";
import type { Said } from "../kernel/messages.ts";
import { type ConfigProblem, type ObjectRef, problemOf, type Severity } from "../kernel/problem.ts";
import { Millis } from "../kernel/units.ts";
import { say } from "./messages.ts";
import type { ObjectSet } from "./objectSet.ts";
import type { Source, SourceCallbacks } from "./source.ts";
import type { StoreChange } from "./store.ts";
import { MAX_MANIFEST_BYTES } from "./yamlFile.ts";

/** How long a file that is written in place must rest before it is read, milliseconds. */
export const QUIET_MS = 50;
/** How often the directory itself is looked at (vanished, replaced, back again), milliseconds. */
export const PULSE_MS = 1_000;
/** How often every file's stat is compared, milliseconds. */
export const RESCAN_MS = 30_000;
/** Longest stretch of reading in one turn, milliseconds; the file under way is finished. */
const TURN_MS = 5;

/** Milliseconds; for tests. */
export interface ManifestTimes {
  readonly quiet: number;
  readonly pulse: number;
  readonly rescan: number;
}

/** What a name in the directory holds right now. */
export type Sample =
  | { readonly type: "content"; readonly bytes: Uint8Array; readonly signature: string }
  /** `isPassing`: perhaps for a moment only, as where a volume removes a link after what it led to. */
  | { readonly type: "unreadable"; readonly reason: string; readonly isPassing?: boolean }
  | { readonly type: "gone" };

interface ScanOptions {
  /** Read files whose stat is unchanged, too. */
  readonly force?: boolean;
  /** The files were put in place as a whole: no need to wait for their writers. */
  readonly atomic?: boolean;
  /** The directory is another one than before: what it lacks may be yet to come. */
  readonly replaced?: boolean;
}

/** Whether a name in the directory is a manifest; hidden files and what editors leave behind are not. */
export const isManifestName = (name: string): boolean => !name.startsWith(".") && /\.(ya?ml|json)$/.test(name);

/** Names of the manifests in a directory, sorted. @throws the file system's error. */
export const listManifests = (directory: string): readonly string[] =>
  readdirSync(directory).filter(isManifestName).sort();

/** A file of a directory as it is now. Never waits: what is no regular file, such as a pipe, is not opened. */
export function sampleManifest(path: string): Sample {
  try {
    const stats = statSync(path);
    if (!stats.isFile()) return { type: "unreadable", reason: "is not a regular file" };
    if (stats.size > MAX_MANIFEST_BYTES) {
      return { type: "unreadable", reason: `has ${stats.size} bytes, more than ${MAX_MANIFEST_BYTES}` };
    }
    return { type: "content", bytes: readFileSync(path), signature: signatureOf(stats) };
  } catch (error) {
    if (!isNotFound(error)) return { type: "unreadable", reason: `cannot be read: ${textOf(error)}` };
    if (!isLink(path)) return { type: "gone" };
    return { type: "unreadable", reason: "is a link that leads nowhere", isPassing: true };
  }
}

export class ManifestSource implements Source {
  readonly #path: string;
  readonly #set: ObjectSet;
  readonly #callbacks: SourceCallbacks;
  readonly #times: ManifestTimes;
  #directory: string;
  /** The one file we were pointed at; null: the whole directory. */
  #only: string | null = null;

  #watcher: FSWatcher | null = null;
  /** Device and inode of the directory under watch; null while there is none. */
  #identity: string | null = null;
  #directoryProblem: ConfigProblem | null = null;
  #reportedRevision = 0;
  #reportedDirectoryProblem: ConfigProblem | null = null;
  #hasListed = false;
  #isEmptied = false;
  #isStopped = false;
  #pulse: ReturnType<typeof setInterval> | null = null;
  #lastScanAt = 0;
  #scanning: Promise<void> | null = null;

  /** Stat of every file as last read, by name. */
  readonly #seen = new Map<string, string>();
  /** Names to be looked at in this turn, with the time of their first event. */
  readonly #renamed = new Map<string, Millis>();
  /** Samples that count unless a write is noticed in the next turn. */
  readonly #candidates = new Map<string, { readonly sample: Sample; readonly receivedAt: Millis }>();
  /** Files being written in place. */
  readonly #writing = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #missing = new Set<string>();
  #missingTimer: ReturnType<typeof setTimeout> | null = null;

  /** @param path a directory, or a single manifest. */
  constructor(path: string, set: ObjectSet, callbacks: SourceCallbacks, times: Partial<ManifestTimes> = {}) {
    this.#path = path;
    this.#directory = path;
    this.#set = set;
    this.#callbacks = callbacks;
    this.#times = { quiet: QUIET_MS, pulse: PULSE_MS, rescan: RESCAN_MS, ...times };
  }

  /** Resolves when everything was read once; `listed` is then called, unless there is no directory yet. */
  async start(): Promise<void> {
    const stats = statOrNull(this.#path);
    if (stats === null ? isManifestName(basename(this.#path)) : stats.isFile()) {
      this.#directory = dirname(this.#path);
      this.#only = basename(this.#path);
    }
    this.#attach();
    this.#pulse = setInterval(() => this.#checkDirectory(), this.#times.pulse);
    await this.#scan({});
  }

  stop(): void {
    this.#isStopped = true;
    this.#detach();
    if (this.#pulse !== null) clearInterval(this.#pulse);
  }

  /** Reads every file again, whatever its stat says (SIGHUP). What is gone by now is gone. */
  async rescan(): Promise<void> {
    this.#checkDirectory();
    await this.#scan({ force: true });
  }

  waitingFor(): string | null {
    return this.#directoryProblem === null ? null : `${this.#directory}: ${this.#directoryProblem.message}`;
  }

  locate(ref: ObjectRef, path: string): { readonly file: string; readonly line: number } | null {
    return this.#set.locate(ref, path);
  }

  // --- the directory

  #attach(): void {
    const stats = statOrNull(this.#directory);
    if (stats === null) {
      this.#vanished();
      return;
    }
    this.#identity = identityOf(stats);
    try {
      this.#watcher = watch(this.#directory, (type, name) => this.#onEvent(type, name));
      this.#watcher.on("error", () => this.#checkDirectory());
      this.#directoryProblem = null;
    } catch (error) {
      this.#directoryProblem = this.#directoryFault(say("directoryUnwatched", { why: textOf(error) }), "warning");
    }
  }

  #detach(): void {
    this.#watcher?.close();
    this.#watcher = null;
    this.#identity = null;
    for (const timer of this.#writing.values()) clearTimeout(timer);
    this.#writing.clear();
    this.#renamed.clear();
    this.#candidates.clear();
    this.#forgetMissing();
  }

  #checkDirectory(): void {
    if (this.#isStopped) return;
    const stats = statOrNull(this.#directory);
    if (stats === null) {
      this.#vanished();
    } else if (identityOf(stats) !== this.#identity) {
      this.#detach();
      this.#attach();
      void this.#scan({ replaced: true });
    } else if (this.#watcher === null || performance.now() - this.#lastScanAt >= this.#times.rescan) {
      void this.#scan({});
    }
  }

  #vanished(): void {
    if (this.#directoryProblem !== null && this.#identity === null) return;
    this.#detach();
    this.#directoryProblem = this.#directoryFault(say("directoryGone"));
    this.#report();
  }

  #directoryFault(said: Said, severity: Severity = "error"): ConfigProblem {
    const ref = { kind: "Directory", namespace: null, name: this.#directory };
    return problemOf(ref, "", said, severity);
  }

  // --- events

  #onEvent(type: string, name: string | null): void {
    if (this.#isStopped) return;
    const receivedAt = now();
    // events about the directory itself carry its own name
    if (name === null || name === basename(this.#directory)) this.#checkDirectory();
    if (name === null) return;
    // a ConfigMap volume is swapped as a whole by renaming this link
    if (name === "..data") void this.#scan({ atomic: true });
    if (!this.#accepts(name)) return;
    if (type === "change") this.#awaitQuiet(name, receivedAt);
    else this.#lookSoon(name, receivedAt);
  }

  #accepts(name: string): boolean {
    return this.#only === null ? isManifestName(name) : name === this.#only;
  }

  #awaitQuiet(name: string, receivedAt: Millis): void {
    this.#renamed.delete(name);
    this.#candidates.delete(name);
    clearTimeout(this.#writing.get(name));
    const timer = setTimeout(() => {
      this.#writing.delete(name);
      this.#apply([[name, this.#sample(name)]], receivedAt);
    }, this.#times.quiet);
    this.#writing.set(name, timer);
  }

  /**
   * A name that appears is either a finished file moved here or a new one about to be written. They look alike, but the
   * second is followed by write events: so the file is read in this turn, and counts in the next if none came.
   */
  #lookSoon(name: string, receivedAt: Millis): void {
    clearTimeout(this.#writing.get(name));
    this.#writing.delete(name);
    this.#candidates.delete(name);
    if (this.#renamed.size === 0) setImmediate(() => this.#look());
    if (!this.#renamed.has(name)) this.#renamed.set(name, receivedAt);
  }

  #look(): void {
    const looked = [...this.#renamed];
    this.#renamed.clear();
    for (const [name, receivedAt] of looked) this.#candidates.set(name, { sample: this.#sample(name), receivedAt });
    setImmediate(() => this.#judge(looked.map(([name]) => name)));
  }

  #judge(names: readonly string[]): void {
    const samples: [string, Sample][] = [];
    let earliest = now();
    for (const name of names) {
      const candidate = this.#candidates.get(name);
      if (candidate === undefined) continue;
      this.#candidates.delete(name);
      if (isUnfinished(candidate.sample)) {
        this.#awaitQuiet(name, candidate.receivedAt);
        continue;
      }
      samples.push([name, candidate.sample]);
      if (candidate.receivedAt < earliest) earliest = candidate.receivedAt;
    }
    this.#apply(samples, earliest);
  }

  // --- reading

  #sample(name: string): Sample {
    const sample = sampleManifest(join(this.#directory, name));
    // pointed at one file, we hold on to it as to a directory
    return sample.type === "gone" && this.#only !== null ? { type: "unreadable", reason: "does not exist" } : sample;
  }

  #apply(samples: readonly (readonly [string, Sample])[], receivedAt: Millis): void {
    if (this.#isStopped) return;
    this.#emit(this.#take(samples), receivedAt);
    this.#report();
  }

  #take(samples: readonly (readonly [string, Sample])[]): readonly StoreChange[] {
    const changes: StoreChange[] = [];
    const gone: string[] = [];
    for (const [name, sample] of samples) {
      if (sample.type === "gone") {
        if (this.#seen.has(name)) gone.push(name);
        continue;
      }
      this.#missing.delete(name);
      this.#seen.set(name, sample.type === "content" ? sample.signature : "");
      if (sample.type === "content") for (const change of this.#set.setFile(name, sample.bytes)) changes.push(change);
      else this.#set.setUnreadable(name, sample.reason);
    }
    const [first] = gone;
    if (first !== undefined && gone.length === 1 && this.#missing.size === 0 && this.#isDirectoryThere()) {
      for (const change of this.#remove(first)) changes.push(change);
    } else if (gone.length > 0) {
      this.#holdMissing(gone, this.#times.quiet);
    }
    if (this.#isEmptied && samples.some(([, sample]) => sample.type === "content")) void this.#scan({ replaced: true });
    return changes;
  }

  #remove(name: string): readonly StoreChange[] {
    this.#seen.delete(name);
    return this.#set.removeFile(name);
  }

  #isDirectoryThere(): boolean {
    const stats = statOrNull(this.#directory);
    if (stats !== null && identityOf(stats) === this.#identity) return true;
    this.#checkDirectory();
    return false;
  }

  /** Files that go together may be going with their directory: wait until no more go, then see what is left. */
  #holdMissing(names: Iterable<string>, delay: number): void {
    for (const name of names) this.#missing.add(name);
    if (this.#missingTimer !== null) clearTimeout(this.#missingTimer);
    const receivedAt = now();
    this.#missingTimer = setTimeout(() => {
      const missing = [...this.#missing];
      this.#forgetMissing();
      if (!this.#isDirectoryThere()) return;
      const lost = missing.filter((name) => this.#seen.has(name) && this.#sample(name).type === "gone");
      const changes = lost.flatMap((name) => this.#remove(name));
      this.#emit(changes, receivedAt);
      this.#report();
    }, delay);
  }

  #forgetMissing(): void {
    if (this.#missingTimer !== null) clearTimeout(this.#missingTimer);
    this.#missingTimer = null;
    this.#missing.clear();
  }

  // --- the whole directory

  /** One at a time; each begins after the request, so that it sees what caused the request. */
  #scan(options: ScanOptions): Promise<void> {
    const previous = this.#scanning ?? Promise.resolve();
    const scan = previous
      .then(() => this.#scanOnce(options))
      .finally(() => {
        if (this.#scanning === scan) this.#scanning = null;
      });
    this.#scanning = scan;
    return scan;
  }

  async #scanOnce(options: ScanOptions): Promise<void> {
    this.#lastScanAt = performance.now();
    const names = this.#isStopped || this.#identity === null ? null : this.#list();
    if (names === null) return this.#report();
    this.#watchEmptiness(names.length === 0 && this.#seen.size > 0, options);
    await this.#readAll(names, options);
    if (this.#isStopped || this.#identity === null) return;
    const present = new Set(names);
    const missing = [...this.#seen.keys()].filter((name) => !present.has(name));
    if (missing.length > 0 && !this.#isEmptied && this.#only === null) {
      this.#holdMissing(missing, options.replaced === true ? this.#times.pulse : this.#times.quiet);
    }
    // what is being written right now belongs to the first listing; a file that is never at rest must not hold it up
    for (let i = 0; !this.#hasListed && this.#writing.size > 0 && i < 20; i++) await pause(this.#times.quiet);
    this.#report();
    if (this.#hasListed || this.#isStopped) return;
    this.#hasListed = true;
    this.#callbacks.listed();
  }

  /** Replaced by an empty one: most likely a volume that is not mounted, or a copy that has yet to begin. */
  #watchEmptiness(lacksAll: boolean, options: ScanOptions): void {
    const wasEmptied = this.#isEmptied;
    this.#isEmptied = lacksAll && (options.replaced === true || (wasEmptied && options.force !== true));
    if (this.#isEmptied === wasEmptied) return;
    this.#directoryProblem = this.#isEmptied ? this.#directoryFault(say("directoryEmptied"), "warning") : null;
  }

  #list(): readonly string[] | null {
    if (this.#only !== null) return [this.#only];
    try {
      return listManifests(this.#directory);
    } catch (error) {
      this.#directoryProblem = this.#directoryFault(say("directoryUnlisted", { why: textOf(error) }));
      return null;
    }
  }

  async #readAll(names: readonly string[], options: ScanOptions): Promise<void> {
    let turnBegan = now();
    let changes: StoreChange[] = [];
    for (const name of names) {
      if (this.#isStopped || this.#identity === null) break;
      const stats = statOrNull(join(this.#directory, name));
      const isKnown = stats !== null && this.#seen.get(name) === signatureOf(stats);
      const isInHand = this.#writing.has(name) || this.#renamed.has(name) || this.#candidates.has(name);
      if (!isInHand && (!isKnown || options.force === true)) {
        const age = stats === null ? Number.POSITIVE_INFINITY : Date.now() - stats.mtimeMs;
        const isYoung = options.atomic !== true && age >= 0 && age < this.#times.quiet;
        const sample = isYoung ? null : this.#sample(name);
        if (sample === null || isLoose(sample)) this.#awaitQuiet(name, now());
        else changes.push(...this.#take([[name, sample]]));
      }
      if (performance.now() - turnBegan < TURN_MS) continue;
      this.#emit(changes, turnBegan);
      changes = [];
      await nextTurn();
      turnBegan = now();
    }
    this.#emit(changes, turnBegan);
  }

  // --- telling

  #emit(changes: readonly StoreChange[], receivedAt: Millis): void {
    if (changes.length > 0 && !this.#isStopped) this.#callbacks.changed(changes, { receivedAt });
  }

  #report(): void {
    if (this.#isStopped) return;
    const isSame =
      this.#reportedRevision === this.#set.revision && this.#reportedDirectoryProblem === this.#directoryProblem;
    if (isSame) return;
    this.#reportedRevision = this.#set.revision;
    this.#reportedDirectoryProblem = this.#directoryProblem;
    const own = this.#directoryProblem === null ? [] : [this.#directoryProblem];
    this.#callbacks.problemsChanged([...own, ...this.#set.problems()]);
  }
}

const isLoose = (sample: Sample): boolean => sample.type === "unreadable" && sample.isPassing === true;
const isUnfinished = (sample: Sample): boolean =>
  isLoose(sample) || (sample.type === "content" && sample.bytes.length === 0);
const now = (): Millis => Millis(performance.now());
const identityOf = (stats: Stats): string => `${stats.dev}:${stats.ino}`;
const signatureOf = (s: Stats): string => `${s.dev}:${s.ino}:${s.size}:${s.mtimeMs}:${s.ctimeMs}`;
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const isNotFound = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");

function statOrNull(path: string): Stats | null {
  try {
    return statSync(path, { throwIfNoEntry: false }) ?? null;
  } catch {
    return null;
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    return false;
  }
}

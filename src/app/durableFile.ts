// SHELL: small files of the state directory, replaced whole or not at all. Owns the steps (write beside, sync, rename, sync the directory),
// and what an operator is told of one that fails. Knows nothing of what files hold, nor when they are written (keptFile.ts). Contract: once
// a call has settled without a fault, neither SIGKILL nor a loss of power takes its outcome back; before that, and after a fault, the file
// is whole, as it was or as it was to be. At most one call for a path at a time.
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CONFIG_KIND } from "../config/schema.ts";
import type { Said } from "../kernel/messages.ts";
import { type ConfigProblem, problemOf } from "../kernel/problem.ts";
import { say } from "./messages.ts";

export interface OpenFile {
  /** All of it, from where the last one ended: one write may come short on a full disk. */
  writeFile(text: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What is asked of the file system; tests bring one that fails. */
export interface FileSystem {
  /** @returns the first directory that had to be made; undefined: none */
  mkdir(path: string, options: { readonly recursive: true }): Promise<string | undefined>;
  open(path: string, flags: "r" | "w", mode?: number): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: true }): Promise<void>;
}

export const realFiles: FileSystem = { mkdir, open, rename, rm };

/** A file could not be changed. Its message names the file and the cure. */
export class FileFault extends Error {
  override readonly name = "FileFault";
  /** Without the cure, which is its hint. */
  readonly said: Said;

  constructor(said: Said, cause?: unknown) {
    super(`${said.message}. ${said.hint}`, { cause });
    this.said = said;
  }
}

export interface ReplaceOptions {
  readonly files?: FileSystem;
  /** What the outcome is to survive: the end of the process alone costs no disk a sync. */
  readonly outlives?: "power" | "process";
  /** The name is that of the new file; whether that survives a loss of power is not settled yet. */
  readonly renamed?: () => Promise<void>;
}

/** @param pieces of the new content; asked for one after the other @throws FileFault (rejects) */
export async function replaceFile(
  path: string,
  pieces: Iterable<string> | AsyncIterable<string>,
  { files = realFiles, outlives = "power", renamed }: ReplaceOptions = {},
): Promise<void> {
  const directory = dirname(path);
  const beside = `${path}.new`;
  try {
    await makeDirectory(directory, files);
    try {
      const file = await files.open(beside, "w", 0o600);
      try {
        for await (const piece of pieces) await file.writeFile(piece);
        if (outlives === "power") await file.sync(); // before the rename, or the name may come to the disk without the content
      } finally {
        await file.close();
      }
      await files.rename(beside, path);
    } catch (error) {
      await files.rm(beside, { force: true }).catch(() => {}); // it would take room from the next attempt
      throw error;
    }
    await renamed?.();
    if (outlives === "power") await syncDirectory(directory, files);
  } catch (error) {
    throw faultOf(path, "written", error);
  }
}

/** A file that is not there is removed. @throws FileFault (rejects) */
export async function removeFile(
  path: string,
  { files = realFiles, outlives = "power" }: Omit<ReplaceOptions, "renamed"> = {},
): Promise<void> {
  try {
    await files.rm(path, { force: true });
    if (outlives === "power") await syncDirectory(dirname(path), files);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw faultOf(path, "removed", error); // where there is no directory, there is no file
  }
}

/** The problem that a fault is while it lasts. @param id what it means, of the table of this room */
export function faultProblem(
  { said }: FileFault,
  id: "allocationsNotKept" | "injectedNotKept" | "epochsNotKept" | "lifeSignsNotKept",
): ConfigProblem {
  const ref = { kind: CONFIG_KIND, namespace: null, name: "--state-dir" };
  // what is announced is what was asked for, but where addresses have to wait
  const severity = id === "allocationsNotKept" ? "error" : "warning";
  return problemOf(ref, "", say(id, { fault: said.message }, said.hint), severity);
}

export const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "");

/** What the system says, for who has to mend it. */
export function faultOf(path: string, done: "written" | "removed", error: unknown): FileFault {
  if (error instanceof FileFault) return error;
  const code = codeOf(error);
  const id = FAULTS[code];
  const text = error instanceof Error ? error.message : String(error);
  return new FileFault(
    id === undefined ? say("fileFailed", { path, done, error: text }) : say(id, { path, done, code }),
    error,
  );
}

const FAULTS: Readonly<
  Partial<Record<string, "fileNoSpace" | "fileReadOnly" | "fileForbidden" | "fileNotDirectory" | "fileBroken">>
> = {
  ENOSPC: "fileNoSpace",
  EDQUOT: "fileNoSpace",
  EROFS: "fileReadOnly",
  EACCES: "fileForbidden",
  EPERM: "fileForbidden",
  ENOTDIR: "fileNotDirectory",
  EEXIST: "fileNotDirectory",
  EISDIR: "fileNotDirectory",
  EIO: "fileBroken",
};

/** Each directory that had to be made is a new name in the one above. */
async function makeDirectory(directory: string, files: FileSystem): Promise<void> {
  const made = await files.mkdir(directory, { recursive: true });
  if (made === undefined) return;
  for (let at = directory; at.length >= made.length && at !== dirname(at); at = dirname(at)) {
    await syncDirectory(dirname(at), files);
  }
}

async function syncDirectory(path: string, files: FileSystem): Promise<void> {
  const directory = await files.open(path, "r");
  try {
    await directory.sync();
  } catch (error) {
    if (!CANNOT_SYNC.has(codeOf(error))) throw error;
  } finally {
    await directory.close();
  }
}

/** Some network file systems know no sync of a directory: there is nothing to wait for then (fsync(2), EINVAL). */
const CANNOT_SYNC: ReadonlySet<string> = new Set(["EINVAL", "ENOTSUP", "EBADF"]);

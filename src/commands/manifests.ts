// Manifests for commands that need no daemon: files and directories read once into a store. SHELL: reads files, prints nothing.
import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { listManifests, type Sample, sampleManifest } from "../sources/manifests.ts";
import { ObjectSet } from "../sources/objectSet.ts";
import { ObjectStore } from "../sources/store.ts";
import { say } from "./messages.ts";
import { UsageError } from "./result.ts";

export interface LoadedManifests {
  readonly store: ObjectStore;
  /** Knows what is wrong, and where each object stands. */
  readonly objects: ObjectSet;
}

/** @param namespace of MetalLB's own objects @throws UsageError when a path does not exist */
export function loadManifests(paths: readonly string[], namespace: string): LoadedManifests {
  const store = new ObjectStore();
  const objects = new ObjectSet(store, namespace);
  for (const { name, read } of filesOf(paths)) {
    const sample = read();
    if (sample.type === "content") objects.setFile(name, sample.bytes);
    else if (sample.type === "unreadable") objects.setUnreadable(name, sample.reason);
  }
  return { store, objects };
}

interface ManifestFile {
  readonly name: string;
  readonly read: () => Sample;
}

/** Files under one directory are named relative to it, as the daemon names them; several paths keep their own names. */
function filesOf(paths: readonly string[]): readonly ManifestFile[] {
  return paths.flatMap((path): readonly ManifestFile[] => {
    const isDirectory = statOf(path).isDirectory();
    if (!isDirectory) return [{ name: paths.length === 1 ? basename(path) : path, read: () => readNamed(path) }];
    const prefix = paths.length === 1 ? "" : path;
    return listManifests(path).map((name) => ({
      name: join(prefix, name),
      read: () => sampleManifest(join(path, name)),
    }));
  });
}

/** What was named is read whatever it is, and waited for: `vipcast check <(kustomize build .)` names a pipe. */
function readNamed(path: string): Sample {
  try {
    return { type: "content", bytes: readFileSync(path), signature: "" };
  } catch (error) {
    return { type: "unreadable", reason: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function statOf(path: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(path);
  } catch {
    throw new UsageError(say("pathUnreadable", { path }));
  }
}

/** The one node that is meant where none is named. @throws UsageError when there are several, or none */
export function onlyNode(names: readonly string[]): string {
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  const there = names.length === 0 ? "the manifests have no Node object" : `there are: ${[...names].sort().join(", ")}`;
  throw new UsageError(say("whichNode", { there }));
}

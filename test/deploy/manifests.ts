// The manifests of config/, read for tests: single files, and what kustomize makes of a directory. Owns nothing but reading.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { isObject, type Json, type JsonObject } from "../kube/objects.ts";

export const CONFIG = join(import.meta.dirname, "../../config");

/** Every YAML file below a directory of config/, sorted, relative to config/. */
export const yamlFiles = (directory: string): readonly string[] =>
  readdirSync(join(CONFIG, directory), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => join(directory, name))
    .sort();

export const readConfig = (name: string): string => readFileSync(join(CONFIG, name), "utf8");

/** The objects in YAML text. @throws Error on a syntax error */
export const objectsIn = (text: string): readonly JsonObject[] =>
  parseAllDocuments(text)
    .map((document) => {
      if (document.errors[0] !== undefined) throw document.errors[0];
      return document.toJS() as Json;
    })
    .filter(isObject);

/** What `kubectl kustomize` makes of a directory. @throws Error with its complaint */
export function kustomize(directory: string): readonly JsonObject[] {
  const limits = { encoding: "utf8", timeout: 60_000, maxBuffer: 16 * 1024 * 1024 } as const;
  const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", directory], limits);
  if (status !== 0) throw new Error(`kubectl kustomize ${directory}: ${stderr}`);
  return objectsIn(stdout);
}

const built = new Map<string, readonly JsonObject[]>();

/** The same for a directory of config/, once. */
export function kustomized(directory: string): readonly JsonObject[] {
  const objects = built.get(directory) ?? kustomize(join(CONFIG, directory));
  built.set(directory, objects);
  return objects;
}

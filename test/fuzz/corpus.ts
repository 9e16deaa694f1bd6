// The corpus: inputs that once failed, one JSON file each, replayed by every run of the unit tests. Owns their form.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, toHex } from "../../src/kernel/text.ts";
import { mulberry32, SESSIONS, tryStream } from "./fuzz.ts";
import { tryRunner } from "./runner.ts";

/** What an input is given to: the codec in one of `SESSIONS`, or a whole peer. */
export type Target = { readonly kind: "codec"; readonly session: number } | { readonly kind: "runner" };

export interface CorpusRow {
  /** A sentence, or part of what was thrown. */
  readonly name: string;
  readonly target: Target;
  readonly hex: string;
}

export const tryInput = (target: Target, input: Uint8Array, random: () => number): string | null =>
  target.kind === "runner" ? tryRunner(input) : tryStream(input, SESSIONS[target.session] ?? null, random);

export const replay = (row: CorpusRow): string | null =>
  tryInput(row.target, fromHex(row.hex) ?? new Uint8Array(0), mulberry32(1));

export function readCorpus(dir: string): readonly CorpusRow[] {
  if (!existsSync(dir)) return [];
  const files = readdirSync(dir).filter((name) => name.endsWith(".json"));
  return files.sort().map((name) => JSON.parse(readFileSync(join(dir, name), "utf8")) as CorpusRow);
}

/** @returns the file */
export function addToCorpus(dir: string, what: string, target: Target, input: Uint8Array): string {
  mkdirSync(dir, { recursive: true });
  const name = (what.split("\n")[0] ?? "").slice(0, 100);
  const row: CorpusRow = { name, target, hex: toHex(input) };
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40);
  const file = join(dir, `${slug}-${toHex(input).length.toString(36)}-${hashOf(input)}.json`);
  writeFileSync(file, `${JSON.stringify(row, null, 2)}\n`);
  return file;
}

/** FNV-1a, to tell files apart. */
const hashOf = (input: Uint8Array): string =>
  input.reduce((h, octet) => Math.imul(h ^ octet, 0x0100_0193) >>> 0, 0x811c_9dc5).toString(16);

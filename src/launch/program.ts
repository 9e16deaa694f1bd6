// SHELL: the built program as V8 gets it: dist/program.js, with the code that V8 made of it at the build where that fits. Owns the names
// of both files and how the text becomes a function. Knows nothing of what the program does.
// Contract: `program.js` is one function of (require, url of this directory), written by scripts/build.mjs. Without a cache, or with
// one that fits neither text nor V8, V8 compiles the text; nothing is ever written here.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Script } from "node:vm";
import { unpackCodeCache } from "./codeCache.ts";

export const PROGRAM = "program.js";
export const CODE_CACHE = "program.cache";

/** Runs the program, at once as far as its first wait. @param beside a file of its directory @returns what V8 holds of it */
export function runProgram(beside: string): Script {
  const url = new URL(PROGRAM, beside);
  const text = readFileSync(url);
  const cachedData = readCodeCache(text, new URL(CODE_CACHE, beside));
  // the bundler writes ASCII alone, for which this is the fastest way to a string
  const script = new Script(text.toString("latin1"), {
    filename: decodeURIComponent(url.pathname),
    ...(cachedData === null ? {} : { cachedData }),
  });
  const program = script.runInThisContext() as (require: NodeJS.Require, url: string) => void;
  program(createRequire(url), url.href);
  return script;
}

function readCodeCache(text: Uint8Array, url: URL): Uint8Array | null {
  try {
    return unpackCodeCache(text, readFileSync(url));
  } catch {
    return null; // installed without it
  }
}

// The text of the configuration file -> given values with their lines. Owns what such a file may look like: one YAML
// document, a flat mapping of known keys. Pure; load.ts reads the file. Contract: all problems, not the first; never throws.
import { isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { type Said, withHint } from "../kernel/messages.ts";
import type { ConfigProblem } from "../kernel/problem.ts";
import { nearest } from "../kernel/suggest.ts";
import { say } from "./messages.ts";
import { CONFIG_KEYS, type ConfigKey, type Given, settingProblem } from "./schema.ts";

export interface ParsedFile {
  readonly given: readonly Given[];
  readonly problems: readonly ConfigProblem[];
}

/** @param file its name, for problems. A key without a value counts as not given. */
export function parseConfigFile(text: string, file: string): ParsedFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number | undefined): { name: string; line: number } => ({
    name: file,
    line: offset === undefined ? 1 : lines.linePos(offset).line,
  });
  const problems = document.errors.map((e) =>
    settingProblem(at(e.pos[0]), "", say("yamlSyntax", { error: e.message })),
  );
  const given: Given[] = [];
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return { given, problems };
  if (!isMap(root)) {
    const wrong = settingProblem(at(root.range?.[0]), "", say("fileNotMapping"));
    return { given, problems: [...problems, wrong] };
  }
  for (const { key, value } of root.items) {
    const name = isScalar(key) ? String(key.value) : "";
    const origin = at(isScalar(key) ? key.range?.[0] : undefined);
    const known = CONFIG_KEYS.find((k) => k === name);
    if (known === undefined) problems.push(settingProblem(origin, name, unknownKey(name)));
    else if (isScalar(value) || value === null) {
      const raw = value?.value ?? null;
      if (raw !== null) given.push({ key: known, raw, origin });
    } else {
      const kind = isMap(value) ? "a mapping" : isSeq(value) ? "a list" : "an alias";
      problems.push(settingProblem(origin, known, say("notOneValue", { kind, key: known })));
    }
  }
  return { given, problems };
}

function unknownKey(name: string): Said {
  const camel = name.replace(/[-_]+([a-zA-Z])/g, (_, letter: string) => letter.toUpperCase());
  const byForm = CONFIG_KEYS.find((k): k is ConfigKey => k.toLowerCase() === camel.toLowerCase());
  const near = byForm ?? nearest(name, CONFIG_KEYS);
  const said = say("unknownKey", { keys: CONFIG_KEYS.join(", ") });
  return near === null ? said : withHint(said, `Did you mean "${near}"?`);
}

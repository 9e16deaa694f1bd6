// The settings in words: help of the flags, and the page docs/configuration.md. Owns their form; every fact is the tables'. Contract: a
// setting that is in schema.ts's table is on the page and in the help, without a line here.
import { CONFIG_FILE_ENV, CONFIG_KEYS, CONTROLLER_KEYS, type ConfigKey, SETTINGS, SPEAKER_KEYS } from "./schema.ts";

/** `--metrics <HOST:PORT>`, as option parsers want it. */
export const flagText = (key: ConfigKey): string => {
  const { flag, placeholder } = SETTINGS[key];
  if (placeholder === null) return `--${flag}`;
  return placeholder.startsWith("[") ? `--${flag} ${placeholder}` : `--${flag} <${placeholder}>`;
};

/** Help of a flag, with default and environment name. */
export function flagHelp(key: ConfigKey): string {
  const { help, fallback, env, placeholder } = SETTINGS[key];
  const standard = placeholder === null || `${fallback ?? ""}` === "" ? "" : `default ${fallback}, `;
  return `${help} (${standard}env ${env[0] ?? ""})`;
}

/** docs/configuration.md. */
export function renderConfigDoc(): string {
  const rows = CONFIG_KEYS.map((key) => {
    const { env, fallback, help } = SETTINGS[key];
    const standard = `${fallback ?? ""}` === "" ? "" : `\`${fallback}\``;
    const who = [SPEAKER_KEYS.includes(key) ? "S" : "", CONTROLLER_KEYS.includes(key) ? "C" : ""].join("");
    const names = env.map((e) => `\`${e}\``).join(", ");
    return `| \`${key}\` | \`${flagText(key)}\` | ${names} | ${standard} | ${who} | ${help} |`;
  });
  return `# Configuration of the daemons

Generated from \`src/config/schema.ts\`; do not edit.

What is announced to whom, and which addresses there are, stands in MetalLB's objects. The daemons' own few settings come from flags, else from the environment, else from a
YAML file (\`--config FILE\` or \`${CONFIG_FILE_ENV}\`), else from the defaults. A wrong value anywhere, also one that is overridden, is an error. One file may serve both:
\`vipcast speaker\` takes those marked S, \`vipcast controller\` those marked C, and neither minds the other's.

| File key | Flag | Environment | Default | | Meaning |
|---|---|---|---|---|---|
${rows.join("\n")}
`;
}

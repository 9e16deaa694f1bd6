// Flags of MetalLB's speaker that are no settings of ours (metallb-compat 5.1), so that its DaemonSet's arguments can stay. Owns what
// each of them comes to here. Pure. Contract: every one of them is accepted; those that ask for something we do not do are told.

import type { ConfigProblem } from "../kernel/problem.ts";
import { joinHostPort } from "./readers.ts";
import { type Given, settingProblem } from "./schema.ts";

interface MetallbFlag {
  readonly flag: string;
  /** A switch may still come with a value, as Go writes it: `--flag=true`. */
  readonly isSwitch?: true;
  /** Why it has no effect; null: it has one (`fromMetallbFlags`). */
  readonly note: string | null;
}

const LAYER2 = "it belongs to layer 2 mode, which is not done here";
const TLS = "metrics are served as --metrics says";

export const METALLB_FLAGS: readonly MetallbFlag[] = [
  { flag: "port", note: null },
  { flag: "host", note: null },
  { flag: "health-probe-port", note: null },
  { flag: "pod-name", note: "no object here belongs to the pod" },
  { flag: "bgp-debounce-timeout", note: "changes are sent at once" },
  { flag: "frrk8s-namespace", note: "there is no FRR-K8s here" },
  { flag: "frrk8s-secret-passthrough", isSwitch: true, note: "there is no FRR-K8s here" },
  { flag: "ml-bindaddr", note: LAYER2 },
  { flag: "ml-bindport", note: LAYER2 },
  { flag: "ml-labels", note: LAYER2 },
  { flag: "ml-secret-key-path", note: LAYER2 },
  { flag: "ml-wan-config", isSwitch: true, note: LAYER2 },
  { flag: "tls-min-version", note: TLS },
  { flag: "tls-cipher-suites", note: TLS },
  { flag: "tls-curve-preferences", note: TLS },
  { flag: "metrics-cert-dir", note: TLS },
  { flag: "pprof-bind-address", note: "this is no Go program" },
];

/** As option parsers want it. */
export const metallbFlagText = ({ flag, isSwitch }: MetallbFlag): string =>
  isSwitch === true ? `--${flag} [BOOL]` : `--${flag} <VALUE>`;

/** Where metrics and health pages are served by MetalLB's arguments and environment, and what is not honoured. @param flags by flag */
export function fromMetallbFlags(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): { readonly given: readonly Given[]; readonly problems: readonly ConfigProblem[] } {
  const text = (flag: string): string => (typeof flags[flag] === "string" ? flags[flag] : "");
  const host = text("host") || env.METALLB_HOST || "0.0.0.0";
  const given: Given[] = [];
  const serve = (key: "metrics" | "health", flag: string, at: string): void => {
    // MetalLB's way to say: nowhere
    if (text(flag) !== "" && text(flag) !== "0") {
      given.push({ key, raw: joinHostPort(at, text(flag)), origin: { name: `--${flag}` } });
    }
  };
  serve("metrics", "port", host);
  serve("health", "health-probe-port", "127.0.0.1");
  const problems = METALLB_FLAGS.flatMap(({ flag, note }) =>
    note === null || flags[flag] === undefined
      ? []
      : [settingProblem({ name: `--${flag}` }, "", `has no effect: ${note}`, "It may be left out.", "warning")],
  );
  return { given, problems };
}

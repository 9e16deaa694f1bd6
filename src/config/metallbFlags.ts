// Flags of MetalLB's speaker and controller that are no settings of ours (metallb-compat 5.1, 5.2), so that their arguments can stay. Owns what
// each of them comes to here. Pure. Contract: every one of them is accepted; those that ask for something we do not do are told.

import type { ConfigProblem } from "../kernel/problem.ts";
import { say } from "./messages.ts";
import { joinHostPort } from "./readers.ts";
import { type Given, settingProblem } from "./schema.ts";

export interface MetallbFlag {
  readonly flag: string;
  /** A switch may still come with a value, as Go writes it: `--flag=true`. */
  readonly isSwitch?: true;
  /** Why it has no effect; null: it has one (`fromMetallbFlags`). */
  readonly note: string | null;
}

const LAYER2 = "it belongs to layer 2 mode, which is not done here";

export const METALLB_FLAGS: readonly MetallbFlag[] = [
  { flag: "port", note: null },
  { flag: "host", note: null },
  { flag: "health-probe-port", note: null },
  { flag: "bgp-debounce-timeout", note: "changes are sent at once" },
  { flag: "frrk8s-namespace", note: "there is no FRR-K8s here" },
  { flag: "frrk8s-secret-passthrough", isSwitch: true, note: "there is no FRR-K8s here" },
  { flag: "ml-bindaddr", note: LAYER2 },
  { flag: "ml-bindport", note: LAYER2 },
  { flag: "ml-labels", note: LAYER2 },
  { flag: "ml-secret-key-path", note: LAYER2 },
  { flag: "ml-wan-config", isSwitch: true, note: LAYER2 },
  { flag: "metrics-cert-dir", note: null },
  { flag: "pprof-bind-address", note: "this is no Go program" },
];

const MEMBERLIST = "it makes the Secret of layer 2 mode, which is not done here";

export const METALLB_CONTROLLER_FLAGS: readonly MetallbFlag[] = [
  { flag: "port", note: null },
  { flag: "health-probe-port", note: null },
  { flag: "ml-secret-name", note: MEMBERLIST },
  { flag: "deployment", note: MEMBERLIST },
  { flag: "webhook-mode", note: null },
  { flag: "cert-dir", note: null },
  { flag: "cert-service-name", note: null },
  { flag: "disable-cert-rotation", isSwitch: true, note: null },
  { flag: "webhook-http2", isSwitch: true, note: "API servers ask webhooks by HTTP/1.1 as well" },
  { flag: "metrics-cert-dir", note: null },
  { flag: "pprof-bind-address", note: "this is no Go program" },
];

/** As option parsers want it. */
export const metallbFlagText = ({ flag, isSwitch }: MetallbFlag): string =>
  isSwitch === true ? `--${flag} [BOOL]` : `--${flag} <VALUE>`;

/** Where MetalLB's programs serve what, unless told otherwise (metallb-compat 5.3). */
const PORTS = { port: "9120", "health-probe-port": "17472" } as const;

/** Where health pages are served by those that do not share the network of their node. */
const HEALTH_HOSTS: ReadonlyMap<readonly MetallbFlag[], string> = new Map([[METALLB_CONTROLLER_FLAGS, "0.0.0.0"]]);

/**
 * Where metrics and health pages are served by MetalLB's arguments and environment, and what is not honoured.
 * @param flags by flag
 * @param isDropIn in a pod that reads its own cluster: what nobody chose is where MetalLB's program has it
 * @param table which program's
 */
export function fromMetallbFlags(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
  isDropIn = false,
  table: readonly MetallbFlag[] = METALLB_FLAGS,
): {
  readonly given: readonly Given[];
  /** Weaker than anything that was given. */
  readonly defaults: readonly Given[];
  readonly problems: readonly ConfigProblem[];
} {
  const text = (flag: string): string => (typeof flags[flag] === "string" ? flags[flag] : "");
  const host = text("host") || env.METALLB_HOST || "0.0.0.0";
  const given: Given[] = [];
  const defaults: Given[] = [];
  const serve = (key: "metrics" | "health", flag: keyof typeof PORTS, at: string): void => {
    const port = text(flag);
    const origin = { name: `--${flag}` };
    if (port === "" && isDropIn) defaults.push({ key, raw: joinHostPort(at, PORTS[flag]), origin });
    // MetalLB's way to say: nowhere
    if (port !== "" && port !== "0") given.push({ key, raw: joinHostPort(at, port), origin });
  };
  serve("metrics", "port", host);
  serve("health", "health-probe-port", HEALTH_HOSTS.get(table) ?? "127.0.0.1");
  const directory = text("metrics-cert-dir");
  if (directory !== "") {
    const origin = { name: "--metrics-cert-dir" };
    given.push({ key: "metricsTlsCert", raw: `${directory}/tls.crt`, origin });
    given.push({ key: "metricsTlsKey", raw: `${directory}/tls.key`, origin });
  }
  const webhooks = webhookFlags(flags);
  given.push(...webhooks.given);
  const problems = table.flatMap(({ flag, note }) =>
    note === null || flags[flag] === undefined
      ? []
      : [settingProblem({ name: `--${flag}` }, "", say("flagNoEffect", { note }), "warning")],
  );
  return { given, defaults, problems: [...problems, ...webhooks.problems] };
}

/** Where MetalLB's controller serves its webhooks (metallb-compat 5.3). */
const WEBHOOK_ADDRESS = "0.0.0.0:9443";

/**
 * MetalLB's flags about webhooks. Nothing is served unless --webhook-mode or --webhooks says so; --cert-dir is where MetalLB has its own Secret
 * mounted, so it counts only with --disable-cert-rotation, when somebody else fills it.
 */
function webhookFlags(flags: Readonly<Record<string, string | boolean | undefined>>): {
  readonly given: readonly Given[];
  readonly problems: readonly ConfigProblem[];
} {
  const given: Given[] = [];
  const problems: ConfigProblem[] = [];
  const mode = flags["webhook-mode"];
  const origin = { name: "--webhook-mode" };
  if (mode === "enabled" || mode === "onlywebhook") given.push({ key: "webhooks", raw: WEBHOOK_ADDRESS, origin });
  if (mode === "onlywebhook") {
    problems.push(settingProblem(origin, "", say("webhookAndAddresses"), "warning"));
  } else if (mode !== undefined && mode !== "enabled" && mode !== "disabled") {
    problems.push(settingProblem(origin, "", say("webhookMode")));
  }
  const service = flags["cert-service-name"];
  if (typeof service === "string")
    given.push({ key: "webhookService", raw: service, origin: { name: "--cert-service-name" } });
  const rotation = flags["disable-cert-rotation"];
  const directory = flags["cert-dir"];
  if (rotation === true || rotation === "true") {
    const raw = typeof directory === "string" ? directory : "/tmp/k8s-webhook-server/serving-certs";
    given.push({ key: "webhookCertDir", raw, origin: { name: "--cert-dir" } });
  } else if (directory !== undefined) {
    problems.push(settingProblem({ name: "--cert-dir" }, "", say("certDirNoEffect"), "warning"));
  }
  return { given, problems };
}

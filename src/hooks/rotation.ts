// When certificates of the webhooks are made anew, and where API servers are told whom to trust. Owns the ages and the order of a change: a
// new authority stands in the bundle for a settling time before anything is signed by it, and the old one stays there until it ends, so that
// no moment has a certificate that nobody trusts. Must not know keys or crypto. Contract: pure; times are wall clock, milliseconds.
import { isRawObject, type RawObject } from "../sources/fields.ts";

const DAY = 86_400_000;
export const AUTHORITY_LIFE = 730 * DAY;
export const SERVER_LIFE = 90 * DAY;
/** What is left of a life when the next one begins. */
const RENEW_AT = 1 / 3;
/** How long an authority is trusted before it signs: replicas and API servers have its bundle by then. */
export const SETTLE = DAY;
/** Clocks that are behind ours by less see a certificate that is valid. */
export const BACKDATED = 3_600_000;
/** In the bundle. */
export const MAX_AUTHORITIES = 4;

export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** What the Secret holds, as far as it is of use. */
export interface KeptCertificates {
  /** Newest first. */
  readonly authorities: readonly Validity[];
  /** The key of the newest authority is there. */
  readonly canSign: boolean;
  /** null: none, or its key is another one's. */
  readonly server: (Validity & { readonly names: readonly string[]; readonly signedBy: number | null }) | null;
}

/** `both`: an authority, and a certificate by it at once, because there is nothing that could be kept. */
export type RotationStep = "both" | "authority" | "server" | null;

/** The next thing to make. @param name that the server's certificate must have */
export function rotationStep(
  { authorities, canSign, server }: KeptCertificates,
  name: string,
  now: number,
): RotationStep {
  const [newest] = authorities;
  if (newest === undefined || !canSign || isOver(newest, now)) return "both";
  const isUsable = server !== null && server.signedBy !== null && server.names.includes(name) && !isOver(server, now);
  if (!isUsable) return "server";
  if (isLate(newest, now)) return "authority";
  if (server.signedBy === 0) return isLate(server, now) ? "server" : null;
  return now >= newest.notBefore + BACKDATED + SETTLE ? "server" : null;
}

export const isOver = ({ notAfter }: Validity, now: number): boolean => now >= notAfter;
const isLate = ({ notBefore, notAfter }: Validity, now: number): boolean =>
  notAfter - now < (notAfter - notBefore) * RENEW_AT;

/**
 * A ValidatingWebhookConfiguration, or a CustomResourceDefinition with a conversion webhook, that trusts the bundle wherever it asks our
 * Service; null: it does so already. @param bundle base64 of PEM
 */
export function withBundle(raw: RawObject, service: string, namespace: string, bundle: string): RawObject | null {
  let isChanged = false;
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (!isRawObject(value)) return value;
    const { service: asked, caBundle } = value;
    if (isRawObject(asked) && asked.name === service && asked.namespace === namespace) {
      isChanged ||= caBundle !== bundle;
      return { ...value, caBundle: bundle };
    }
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, visit(member)]));
  };
  const { webhooks, spec } = raw;
  if (webhooks !== undefined) {
    const told = { ...raw, webhooks: visit(webhooks) };
    return isChanged ? told : null;
  }
  if (!isRawObject(spec)) return null;
  const told = { ...raw, spec: { ...spec, conversion: visit(spec.conversion) } };
  return isChanged ? told : null;
}

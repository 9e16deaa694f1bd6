// SHELL: certificates that the controller makes for its webhooks, kept in a Secret that all replicas share. Owns the looks at the Secret and
// at those who must trust it; when what is made is hooks/rotation.ts's. Contract: any replica may make them: a write that meets another one
// is refused by its version, and looked at again; what cannot be read or written is told once and tried again. Keys are never shown.
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { SecureContextOptions } from "node:tls";
import { say } from "../hooks/messages.ts";
import {
  AUTHORITY_LIFE,
  BACKDATED,
  isOver,
  MAX_AUTHORITIES,
  rotationStep,
  SERVER_LIFE,
  type Validity,
  withBundle,
} from "../hooks/rotation.ts";
import type { Clock, TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";
import { ApiError } from "../kube/apiError.ts";
import type { KubeClient } from "../kube/client.ts";
import {
  CUSTOM_RESOURCE_DEFINITIONS,
  type KubeResource,
  PEERS_DEFINITION,
  SECRETS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
  WEBHOOK_CONFIGURATION,
} from "../kube/resources.ts";
import type { Logger } from "../observe/log.ts";
import { isRawObject, type RawObject } from "../sources/fields.ts";
import { type Certificate, issueCertificate } from "./certificates.ts";
import type { CertificateFeed } from "./webhooks.ts";

/** Between two looks when all is well, and when something is not. */
export const CERTIFICATE_LOOK = Millis(60_000);
export const CERTIFICATE_RETRY = Millis(5_000);

export interface CertificateSurroundings {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  readonly namespace: string;
  readonly secret: string;
  readonly service: string;
  /** What else TLS is made with. */
  readonly parameters: SecureContextOptions;
}

interface Pairs {
  readonly authorities: readonly string[];
  readonly authorityKey: string;
  readonly server: Certificate;
}

export class WebhookCertificates implements CertificateFeed {
  readonly #with: CertificateSurroundings;
  readonly #name: string;
  #inUse = "";
  #told = "";
  #timer: TimerHandle | null = null;
  #isStopped = false;

  constructor(surroundings: CertificateSurroundings) {
    this.#with = surroundings;
    this.#name = `${surroundings.service}.${surroundings.namespace}.svc`;
  }

  start(renewed: (tls: SecureContextOptions) => void): Promise<SecureContextOptions> {
    return new Promise((resolve) => {
      let give = (tls: SecureContextOptions): void => {
        give = renewed;
        resolve(tls);
      };
      const look = async (): Promise<void> => {
        const isWell = await this.#look((tls) => give(tls));
        if (!this.#isStopped)
          this.#timer = this.#with.timers.after(isWell ? CERTIFICATE_LOOK : CERTIFICATE_RETRY, look);
      };
      void look();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** @returns whether all is as it should be */
  async #look(give: (tls: SecureContextOptions) => void): Promise<boolean> {
    const { log, parameters } = this.#with;
    let bundle: string;
    try {
      const { authorities, server } = await this.#kept();
      if (this.#isStopped) return true;
      if (server.cert !== this.#inUse) {
        give({ ...parameters, cert: server.cert, key: server.key });
        this.#inUse = server.cert; // one that the server refuses is given again
        const until = new X509Certificate(server.cert).validTo;
        log.info("webhookCertificate", { name: this.#name }, `the webhooks have a certificate until ${until}`);
      }
      bundle = toBase64(authorities.join(""));
    } catch (error) {
      return this.#failed("noCertificate", error);
    }
    try {
      await this.#tell(VALIDATING_WEBHOOK_CONFIGURATIONS, WEBHOOK_CONFIGURATION, bundle);
      await this.#tell(CUSTOM_RESOURCE_DEFINITIONS, PEERS_DEFINITION, bundle);
    } catch (error) {
      return this.#failed("noBundle", error);
    }
    this.#told = "";
    return true;
  }

  #failed(what: "noCertificate" | "noBundle", error: unknown): boolean {
    if (error instanceof ApiError && error.isConflict) return false; // another replica was faster
    const { message, hint } = say(what, { why: error instanceof Error ? error.message : String(error) });
    if (message !== this.#told) this.#with.log.warn("webhookCertificate", {}, `${message}; ${hint}`);
    this.#told = message;
    return false;
  }

  /** What the Secret holds, made anew where that is due. @throws ApiError (rejects) */
  async #kept(): Promise<Pairs> {
    const { client, clock, namespace, secret: name } = this.#with;
    const path = { namespace, name };
    const stored = await absentAsNull(client.get(SECRETS, path));
    const data = isRawObject(stored?.data) ? stored.data : {};
    const before = readPairs(data);
    const pairs = renewed(before, this.#name, clock.wall());
    if (pairs === before) return before;
    const texts = {
      "ca.crt": pairs.authorities.join(""),
      "ca.key": pairs.authorityKey,
      "tls.crt": pairs.server.cert,
      "tls.key": pairs.server.key,
    };
    const made = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, toBase64(text)]));
    const head = { apiVersion: "v1", kind: SECRETS.kind };
    if (stored === null)
      await client.create(SECRETS, { ...head, metadata: path, type: "Opaque", data: made }, { namespace });
    else await client.update(SECRETS, path, { ...stored, ...head, data: { ...data, ...made } });
    return pairs;
  }

  /** An object that is not there asks nobody, and so trusts nobody. */
  async #tell(resource: KubeResource, name: string, bundle: string): Promise<void> {
    const { client, namespace, service } = this.#with;
    const raw = await absentAsNull(client.get(resource, { name }));
    const told = raw === null ? null : withBundle(raw, service, namespace, bundle);
    if (told !== null) await client.update(resource, { name }, told);
  }
}

/** The same value when nothing is due. @param now wall clock */
export function renewed(kept: Pairs, name: string, now: number): Pairs {
  let pairs = kept;
  // `both` and what follows it are two steps at most
  for (let i = 0; i < 3; i++) {
    const step = rotationStep(assess(pairs), name, now);
    if (step === null) return pairs;
    if (step === "server") {
      pairs = { ...pairs, server: makeServer(pairs, name, now) };
      continue;
    }
    const subject = { commonName: `vipcast webhooks ${new Date(now).toISOString()}` };
    const authority = issueCertificate({ subject, ...life(now, AUTHORITY_LIFE), uses: [] }, null);
    const others = pairs.authorities.filter((pem) => !isOver(validityOf(pem), now)).slice(0, MAX_AUTHORITIES - 1);
    pairs = { ...pairs, authorities: [authority.cert, ...others], authorityKey: authority.key };
    if (step === "both") pairs = { ...pairs, server: makeServer(pairs, name, now) };
  }
  return pairs;
}

function makeServer({ authorities: [cert = ""], authorityKey: key }: Pairs, name: string, now: number): Certificate {
  const subject = { commonName: name.slice(0, 64), names: [name] };
  return issueCertificate({ subject, ...life(now, SERVER_LIFE), uses: ["server"] }, { cert, key });
}

const life = (now: number, length: number): Validity => ({ notBefore: now - BACKDATED, notAfter: now + length });

function validityOf(pem: string): Validity {
  const { validFrom, validTo } = new X509Certificate(pem);
  return { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
}

function assess({ authorities, authorityKey, server }: Pairs): Parameters<typeof rotationStep>[0] {
  const signers = authorities.map((pem) => new X509Certificate(pem));
  const own = readCertificate(server.cert);
  const signedBy = own === null ? -1 : signers.findIndex((ca) => own.checkIssued(ca) && own.verify(ca.publicKey));
  const names = own?.subjectAltName?.split(", ").map((text) => text.replace(/^DNS:/, "")) ?? [];
  return {
    authorities: authorities.map(validityOf),
    canSign: signers[0] !== undefined && isOurs(signers[0]) && fits(signers[0], authorityKey),
    server:
      own === null || !fits(own, server.key)
        ? null
        : { ...validityOf(server.cert), names, signedBy: signedBy < 0 ? null : signedBy },
  };
}

/** MetalLB's authority has an RSA key, and nothing here signs with one. */
const isOurs = ({ publicKey }: X509Certificate): boolean => publicKey.asymmetricKeyType === "ec";

/** Parts that are no certificate count as absent. */
function readPairs(data: RawObject): Pairs {
  const text = (key: string): string =>
    typeof data[key] === "string" ? Buffer.from(data[key], "base64").toString() : "";
  const bundle = text("ca.crt").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g) ?? [];
  return {
    authorities: bundle.filter((pem) => readCertificate(pem)?.ca === true).slice(0, MAX_AUTHORITIES),
    authorityKey: text("ca.key"),
    server: { cert: text("tls.crt"), key: text("tls.key") },
  };
}

function readCertificate(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

function fits(certificate: X509Certificate, key: string): boolean {
  try {
    return certificate.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

const toBase64 = (text: string): string => Buffer.from(text).toString("base64");

const absentAsNull = (asked: Promise<RawObject>): Promise<RawObject | null> =>
  asked.catch((error: unknown) => {
    if (error instanceof ApiError && error.isNotFound) return null;
    throw error;
  });

// Certificates for tests: an authority of its own, servers and clients signed by it, made as the product makes its own. Knows nothing of
// who uses them. Contract: keys are made anew for every call and live in memory alone; valid from an hour ago to the time asked for.
import { type Certificate, issueCertificate } from "../../src/app/certificates.ts";
import type { CertificateSubject } from "../../src/kernel/x509.ts";

export type { Certificate } from "../../src/app/certificates.ts";

export interface Subject extends CertificateSubject {
  readonly validUntil?: Date;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const makeAuthority = (commonName = "vipcast test authority"): Certificate => issue({ commonName }, null);

/** Signed by the authority; good for servers and clients alike. */
export const makeCertificate = (authority: Certificate, subject: Subject): Certificate => issue(subject, authority);

function issue({ validUntil, ...subject }: Subject, issuer: Certificate | null): Certificate {
  const now = Date.now();
  const notAfter = validUntil?.getTime() ?? now + DAY_MS;
  return issueCertificate({ subject, notBefore: now - HOUR_MS, notAfter, uses: ["server", "client"] }, issuer);
}

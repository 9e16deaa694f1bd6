// SHELL: makes keys and certificates. Owns key generation and signing; what a certificate says is kernel/x509.ts's.
// Contract: a key is made anew for every call and lives in what is given back alone.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { type CertificateContent, signedCertificate, subjectOf, unsignedCertificate } from "../kernel/x509.ts";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** @param issuer null: it signs itself, as an authority @throws Error of the crypto library when the issuer is of no use */
export function issueCertificate(
  content: Pick<CertificateContent, "subject" | "notBefore" | "notAfter" | "uses">,
  issuer: Certificate | null,
): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const unsigned = unsignedCertificate({
    ...content,
    issuer: issuer === null ? null : subjectOf(new X509Certificate(issuer.cert).raw),
    publicKey: publicKey.export({ type: "spki", format: "der" }),
    keyId: keyIdOf(publicKey),
    issuerKeyId: keyIdOf(issuer === null ? publicKey : createPublicKey(issuer.key)),
    serial: randomBytes(15),
  });
  const signature = sign("sha256", unsigned, issuer === null ? privateKey : createPrivateKey(issuer.key));
  return {
    cert: signedCertificate(unsigned, signature),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

/** Any digest of the key will do (RFC 7093); only equality counts. */
const keyIdOf = (key: KeyObject): Uint8Array =>
  createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest()
    .subarray(0, 20);

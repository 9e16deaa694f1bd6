// X.509 certificates (RFC 5280) with ECDSA P-256 and SHA-256, so that no program need be installed to make one. Owns the layout of what is
// signed; keys, signatures and serial numbers come from outside. Contract: pure; valid times are given, no clock is read.
import { bits, children, der, octets, oid, sequence, set, text, time, utf8, yes } from "./der.ts";

export interface CertificateSubject {
  readonly commonName: string;
  /** Kubernetes: the group of a client. */
  readonly organization?: string | undefined;
  /** DNS names that a server answers to. */
  readonly names?: readonly string[] | undefined;
  /** IPv4 addresses that a server answers at. */
  readonly addresses?: readonly string[] | undefined;
}

export interface CertificateContent {
  readonly subject: CertificateSubject;
  /** Name of who signs, as `subjectOf` gives it; null: it signs itself, as an authority. */
  readonly issuer: Uint8Array | null;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** Identifiers of this key and of the one that signs, as the issuer's certificate has it (RFC 5280 4.2.1.1, 4.2.1.2). */
  readonly keyId: Uint8Array;
  readonly issuerKeyId: Uint8Array;
  /** 1..19 octets, any. */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** What the key may be used for in TLS, besides; ignored for an authority. */
  readonly uses: readonly ("server" | "client")[];
}

const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const COMMON_NAME = "2.5.4.3";
const ORGANIZATION = "2.5.4.10";
const USES = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;
/** RFC 5280 4.2.1.3: keyCertSign and cRLSign; digitalSignature. */
const AUTHORITY_USAGE = bits(Uint8Array.of(0b0000_0110), 1);
const SIGNATURE_USAGE = bits(Uint8Array.of(0b1000_0000), 7);

const nameOf = ({ commonName, organization }: CertificateSubject): Uint8Array =>
  sequence(
    ...(organization === undefined ? [] : [set(sequence(oid(ORGANIZATION), text(organization)))]),
    set(sequence(oid(COMMON_NAME), text(commonName))),
  );

const extension = (id: string, isCritical: boolean, value: Uint8Array): Uint8Array =>
  sequence(oid(id), ...(isCritical ? [yes()] : []), octets(value));

/** What has to be signed. */
export function unsignedCertificate(content: CertificateContent): Uint8Array {
  const { subject, issuer, publicKey, serial, notBefore, notAfter, uses, keyId, issuerKeyId } = content;
  const alternatives = [
    ...(subject.names ?? []).map((name) => der(0x82, utf8(name))),
    ...(subject.addresses ?? []).map((address) => der(0x87, Uint8Array.from(address.split(".").map(Number)))),
  ];
  const isAuthority = issuer === null;
  const extensions = [
    extension("2.5.29.19", true, isAuthority ? sequence(yes()) : sequence()),
    extension("2.5.29.14", false, octets(keyId)),
    extension("2.5.29.35", false, sequence(der(0x80, issuerKeyId))),
    extension("2.5.29.15", true, isAuthority ? AUTHORITY_USAGE : SIGNATURE_USAGE),
    ...(isAuthority ? [] : [extension("2.5.29.37", false, sequence(...uses.map((use) => oid(USES[use]))))]),
    ...(alternatives.length === 0 ? [] : [extension("2.5.29.17", false, sequence(...alternatives))]),
  ];
  return sequence(
    der(0xa0, der(0x02, Uint8Array.of(2))), // version 3
    der(0x02, Uint8Array.of(1), serial), // positive
    ECDSA_SHA256,
    issuer ?? nameOf(subject),
    sequence(time(notBefore), time(notAfter)),
    nameOf(subject),
    publicKey,
    der(0xa3, sequence(...extensions)),
  );
}

/** PEM. @param signature of `unsigned`, ECDSA in DER */
export function signedCertificate(unsigned: Uint8Array, signature: Uint8Array): string {
  const whole = sequence(unsigned, ECDSA_SHA256, bits(signature));
  const base64 = btoa(String.fromCharCode(...whole)).replace(/.{64}(?!$)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

/** The name in a certificate that a TLS library has read: the sixth field of what was signed. @param whole DER */
export const subjectOf = (whole: Uint8Array): Uint8Array => {
  const [signed = whole] = children(whole);
  return children(signed)[5] ?? new Uint8Array(0);
};

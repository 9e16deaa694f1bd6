// Certificates for tests: an authority of its own, servers and clients signed by it. Owns the little of X.509 (RFC 5280) and
// DER that this takes, so that no program need be installed. Knows nothing of who uses them. Contract: keys are made anew for
// every call and live in memory alone; valid from an hour ago to the time asked for.
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

export interface Subject {
  readonly commonName: string;
  /** Kubernetes: the group of a client. */
  readonly organization?: string;
  /** IPv4 addresses that a server answers at. */
  readonly addresses?: readonly string[];
  readonly names?: readonly string[];
  readonly validUntil?: Date;
}

const DAY_MS = 86_400_000;

export const makeAuthority = (commonName = "vipcast test authority"): Certificate => issue({ commonName }, null);

/** Signed by the authority; good for servers and clients alike. */
export const makeCertificate = (authority: Certificate, subject: Subject): Certificate =>
  issue(subject, { key: createPrivateKey(authority.key), name: subjectOf(authority.cert) });

// --- DER: tag, length, content

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.of(tag, content.length), content]);
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 | length.length), length, content]);
};

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const set = (...parts: readonly Uint8Array[]): Buffer => der(0x31, ...parts);
const octets = (content: Uint8Array): Buffer => der(0x04, content);
const text = (content: string): Buffer => der(0x0c, Buffer.from(content));
const time = (at: Date): Buffer => der(0x18, Buffer.from(at.toISOString().replace(/[-:T]|\.\d+/g, "")));
const bits = (content: Uint8Array): Buffer => der(0x03, Buffer.of(0), content);

/** An object identifier, from its dotted form. */
function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const base128 = (value: number): number[] =>
    value < 0x80 ? [value] : [...base128(Math.floor(value / 0x80)).map((b) => b | 0x80), value % 0x80];
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

const ECDSA_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const COMMON_NAME = "2.5.4.3";
const ORGANIZATION = "2.5.4.10";

const nameOf = ({ commonName, organization }: Subject): Buffer =>
  sequence(
    ...(organization === undefined ? [] : [set(sequence(oid(ORGANIZATION), text(organization)))]),
    set(sequence(oid(COMMON_NAME), text(commonName))),
  );

const extension = (id: string, isCritical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(isCritical ? [der(0x01, Buffer.of(0xff))] : []), octets(value));

/** @param issuer null: it signs itself, as an authority */
function issue(subject: Subject, issuer: { readonly key: KeyObject; readonly name: Buffer } | null): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const now = Date.now();
  const alternatives = [
    ...(subject.names ?? []).map((name) => der(0x82, Buffer.from(name))),
    ...(subject.addresses ?? []).map((address) => der(0x87, Buffer.from(address.split(".").map(Number)))),
  ];
  const extensions = [
    extension("2.5.29.19", true, issuer === null ? sequence(der(0x01, Buffer.of(0xff))) : sequence()),
    ...(alternatives.length === 0 ? [] : [extension("2.5.29.17", false, sequence(...alternatives))]),
  ];
  const unsigned = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // version 3
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(15)])), // serial number, positive
    ECDSA_SHA256,
    issuer?.name ?? nameOf(subject),
    sequence(time(new Date(now - 3_600_000)), time(subject.validUntil ?? new Date(now + DAY_MS))),
    nameOf(subject),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = sign("sha256", unsigned, issuer?.key ?? privateKey);
  const whole = sequence(unsigned, ECDSA_SHA256, bits(signature));
  return {
    cert: pem(whole),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

const pem = (whole: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${whole.toString("base64").replace(/.{64}/g, "$&\n").trimEnd()}\n-----END CERTIFICATE-----\n`;

/** The subject of a certificate that this file made: the sixth field of what was signed. */
function subjectOf(certificate: string): Buffer {
  const whole = Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ""), "base64");
  const fields = children(children(whole)[0] ?? whole);
  return fields[5] ?? Buffer.alloc(0);
}

/** The elements inside a constructed one. */
function children(element: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = headLength(element); at < element.length; ) {
    const rest = element.subarray(at);
    const size = headLength(rest) + contentLength(rest);
    found.push(rest.subarray(0, size));
    at += size;
  }
  return found;
}

const headLength = (element: Buffer): number => {
  const first = element[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
};

const contentLength = (element: Buffer): number => {
  const first = element[1] ?? 0;
  return first < 0x80 ? first : element.readUIntBE(2, first & 0x7f);
};

// The certificates of the webhooks through the years: what is made when, that it says what it should, and that whoever trusts the bundle
// trusts the server at every moment of a change.
import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { renewed } from "../../src/app/webhookCertificates.ts";
import {
  AUTHORITY_LIFE,
  BACKDATED,
  type KeptCertificates,
  rotationStep,
  SERVER_LIFE,
  SETTLE,
  withBundle,
} from "../../src/hooks/rotation.ts";

const NAME = "metallb-webhook-service.metallb-system.svc";
const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const NOTHING = { authorities: [], authorityKey: "", server: { cert: "", key: "" } };

const isTrusted = (cert: string, bundle: readonly string[], now: number): boolean => {
  const own = new X509Certificate(cert);
  const isValid = (one: X509Certificate) => Date.parse(one.validFrom) <= now && now < Date.parse(one.validTo);
  return (
    isValid(own) && bundle.map((pem) => new X509Certificate(pem)).some((ca) => isValid(ca) && own.verify(ca.publicKey))
  );
};

describe("what is made", () => {
  const made = renewed(NOTHING, NAME, START);
  const [authority, server] = [new X509Certificate(made.authorities[0] ?? ""), new X509Certificate(made.server.cert)];

  test("is an authority that signs itself and may sign others", () => {
    expect(authority.ca).toBe(true);
    expect(authority.verify(authority.publicKey)).toBe(true);
    expect(Date.parse(authority.validTo)).toBe(START + AUTHORITY_LIFE);
  });

  test("is a certificate for the Service's name, for servers alone, by that authority", () => {
    expect(server.subjectAltName).toBe(`DNS:${NAME}`);
    expect(server.checkHost(NAME)).toBe(NAME);
    expect([server.ca, server.keyUsage]).toEqual([false, ["1.3.6.1.5.5.7.3.1"]]);
    expect(server.checkIssued(authority) && server.verify(authority.publicKey)).toBe(true);
    expect([Date.parse(server.validFrom), Date.parse(server.validTo)]).toEqual([
      START - BACKDATED,
      START + SERVER_LIFE,
    ]);
    expect(server.checkPrivateKey(createPrivateKey(made.server.key))).toBe(true);
  });

  test("stays while nothing is due", () => expect(renewed(made, NAME, START + 59 * DAY)).toBe(made));

  test("for another name has the same authority", () => {
    const other = renewed(made, "other.lb.svc", START);
    expect(other.authorities).toEqual(made.authorities);
    expect(new X509Certificate(other.server.cert).subjectAltName).toBe("DNS:other.lb.svc");
  });

  test("is made anew where the key of the authority is lost, and what was trusted still is", () => {
    const after = renewed({ ...made, authorityKey: "" }, NAME, START);
    expect(after.authorities).toHaveLength(2);
    expect(isTrusted(made.server.cert, after.authorities, START)).toBe(true);
    expect(isTrusted(after.server.cert, after.authorities, START)).toBe(true);
  });
});

test("for five years, looked at every third day, the bundle of the time before trusts the server of today, and ends are never reached", () => {
  let pairs = renewed(NOTHING, NAME, START);
  let [authorities, servers] = [0, 0];
  for (let day = 1; day <= 5 * 365; day += 3) {
    const now = START + day * DAY;
    const before = pairs;
    pairs = renewed(pairs, NAME, now);
    const last = new X509Certificate(before.server.cert);
    expect(now, `day ${day}`).toBeLessThan(Date.parse(last.validTo));
    expect(isTrusted(pairs.server.cert, before.authorities, now), `day ${day}`).toBe(true);
    expect(isTrusted(before.server.cert, pairs.authorities, now), `day ${day}`).toBe(true);
    authorities += Number(pairs.authorities[0] !== before.authorities[0]);
    servers += Number(pairs.server.cert !== before.server.cert);
  }
  expect(authorities).toBe(3);
  expect(servers).toBeGreaterThanOrEqual(30);
});

describe("the next step", () => {
  const authority = { notBefore: START - BACKDATED, notAfter: START + AUTHORITY_LIFE };
  const server = { notBefore: START - BACKDATED, notAfter: START + SERVER_LIFE, names: [NAME], signedBy: 0 };
  const young: KeptCertificates = { authorities: [authority], canSign: true, server };
  const twoOf = (signedBy: number): KeptCertificates => ({
    authorities: [authority, authority],
    canSign: true,
    server: { ...server, signedBy },
  });
  test.each([
    ["with nothing", { authorities: [], canSign: false, server: null }, 0, "both"],
    ["without the authority's key", { ...young, canSign: false }, 0, "both"],
    ["past the authority's end", young, AUTHORITY_LIFE, "both"],
    ["without a certificate", { ...young, server: null }, 0, "server"],
    ["with one that nobody of the bundle signed", { ...young, server: { ...server, signedBy: null } }, 0, "server"],
    ["just before a third of its life is left", young, SERVER_LIFE * 0.66, null],
    ["with less than a third of its life left", young, SERVER_LIFE * 0.67, "server"],
    ["by an older authority, while the new one settles", twoOf(1), SETTLE - 1, null],
    ["by an older authority, once the new one is known", twoOf(1), SETTLE, "server"],
  ] as const)("%s", (_what, kept, age, step) => {
    expect(rotationStep(kept, NAME, START + age)).toBe(step);
  });
});

describe("who must trust the bundle", () => {
  const ours = { service: { name: "s", namespace: "n", path: "/p" } };
  const others = { service: { name: "s", namespace: "elsewhere" }, caBundle: "theirs" };

  test("is told in every webhook of ours, and nothing else changes", () => {
    const raw = {
      kind: "V",
      webhooks: [
        { name: "a", clientConfig: ours },
        { name: "b", clientConfig: others },
      ],
    };
    const told = {
      ...raw,
      webhooks: [
        { name: "a", clientConfig: { ...ours, caBundle: "x" } },
        { name: "b", clientConfig: others },
      ],
    };
    expect(withBundle(raw, "s", "n", "x")).toEqual(told);
    expect(withBundle(told, "s", "n", "x")).toBeNull();
  });

  test("is told in the conversion of a definition, where there is one", () => {
    const raw = (clientConfig: object) => ({
      spec: { names: 1, conversion: { strategy: "Webhook", webhook: { clientConfig } } },
    });
    expect(withBundle(raw(ours), "s", "n", "x")).toEqual(raw({ ...ours, caBundle: "x" }));
    expect(withBundle({ spec: { names: 1, conversion: { strategy: "None" } } }, "s", "n", "x")).toBeNull();
  });
});

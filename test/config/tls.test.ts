// The words of MetalLB's TLS flags against the TLS library: what is translated is taken by it.
import { createSecureContext } from "node:tls";
import { expect, test } from "vitest";
import { readCipherSuites, readCurves, type TlsChoice, tlsParameters } from "../../src/config/tls.ts";

const CHOICE: TlsChoice = { tlsMinVersion: "VersionTLS12", tlsCipherSuites: [], tlsCurvePreferences: [] };

test("nothing chosen leaves everything but the version to the library", () => {
  expect(tlsParameters({ ...CHOICE, tlsMinVersion: "VersionTLS13" })).toEqual({ minVersion: "TLSv1.3" });
});

test("every suite and every curve that is offered is one the library knows", () => {
  const offered = (reading: ReturnType<typeof readCurves>): string[] =>
    reading.ok ? [] : (/There are: (.*)\./.exec(reading.hint)?.[1]?.split(", ") ?? []);
  const suites = offered(readCipherSuites("?"));
  const curves = offered(readCurves("?"));
  expect([suites.length, curves.length]).toEqual([10, 4]);
  for (const suite of suites) createSecureContext(tlsParameters({ ...CHOICE, tlsCipherSuites: [suite] }));
  for (const curve of curves) createSecureContext(tlsParameters({ ...CHOICE, tlsCurvePreferences: [curve] }));
});

test("suites for TLS 1.2 do not take TLS 1.3 away", () => {
  const tlsCipherSuites = ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"];
  expect(tlsParameters({ ...CHOICE, tlsCipherSuites }).ciphers).toBe(
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384",
  );
});

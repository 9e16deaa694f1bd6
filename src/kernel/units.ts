// Brands for times and protocol numbers. Constructors check; casts live only here.

declare const brand: unique symbol;
type Brand<T, B extends string> = T & { readonly [brand]: B };

import { invariant } from "./result.ts";

/** Monotonic milliseconds (a point in time) or a duration in milliseconds; may carry a fraction. */
export type Millis = Brand<number, "Millis">;
export const Millis = (n: number): Millis => {
  invariant(Number.isFinite(n), "milliseconds must be finite");
  return n as Millis;
};

/** Whole seconds, as timers stand on the wire. */
export type Seconds = Brand<number, "Seconds">;
export const Seconds = (n: number): Seconds => {
  invariant(Number.isInteger(n) && n >= 0, "seconds must be a whole number >= 0");
  return n as Seconds;
};

export const secondsToMillis = (s: Seconds): Millis => Millis(s * 1000);
export const later = (at: Millis, by: Millis): Millis => Millis(at + by);

/** AS number, 1..4294967295 (RFC 6793; 0 is barred by RFC 7607). */
export type Asn = Brand<number, "Asn">;
export const Asn = (n: number): Asn => {
  invariant(Number.isInteger(n) && n > 0 && n <= 0xffff_ffff, `AS number out of range: ${n}`);
  return n as Asn;
};

/** BGP Identifier as an unsigned 32-bit number, never 0 (RFC 6286). */
export type RouterId = Brand<number, "RouterId">;
export const RouterId = (n: number): RouterId => {
  invariant(Number.isInteger(n) && n > 0 && n <= 0xffff_ffff, `router id out of range: ${n}`);
  return n as RouterId;
};

/** `metadata.name` of a BGPPeer. */
export type PeerName = Brand<string, "PeerName">;
export const PeerName = (s: string): PeerName => {
  invariant(s.length > 0, "peer name must not be empty");
  return s as PeerName;
};

/** `namespace/name` of a Service. */
export type ServiceKey = Brand<string, "ServiceKey">;
export const ServiceKey = (namespace: string, name: string): ServiceKey => `${namespace}/${name}` as ServiceKey;

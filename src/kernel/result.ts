// Outcomes and internal checks. Owns the three small shapes every room uses to say "it went wrong";
// knows nothing of protocols. Rule (docs/design.md): what a remote did is data (`Decoded`), what the operator did is
// a `ConfigProblem`, what we did wrong throws `Bug`.

/** A fault on the wire, ready to be sent as a NOTIFICATION. `data` follows the RFC of the error in question. */
export interface WireFault {
  readonly errorCode: number;
  readonly errorSubcode: number;
  readonly data: Uint8Array;
  /** For log and status, never sent. */
  readonly detail: string;
}

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: WireFault };

/** A broken promise of our own code. The shell of the peer, worker or source catches it, closes, counts and carries on. */
export class Bug extends Error {
  override readonly name = "Bug";
}

/** @throws Bug when the claim does not hold. */
export function invariant(claim: boolean, what: string): asserts claim {
  if (!claim) throw new Bug(what);
}

/** Ends a switch over a closed union: adding a variant breaks the build at every such place. */
export function assertNever(value: never): never {
  throw new Bug(`unexpected variant: ${JSON.stringify(value)}`);
}

const NO_BYTES: Uint8Array = new Uint8Array(0);

export function wireFault(
  errorCode: number,
  errorSubcode: number,
  detail: string,
  data: Uint8Array = NO_BYTES,
): WireFault {
  return { errorCode, errorSubcode, data, detail };
}

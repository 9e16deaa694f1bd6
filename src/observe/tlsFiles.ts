// SHELL. Certificate and key of a server, from two files that others renew. Owns the reading, the check that they belong together, and
// when to look again. Knows nothing of who is served. Contract: a pair that cannot be used is an error at the start; later it is told, and
// the old one stays until the new one is whole. Keys are never shown.
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import type { TimerHandle, Timers } from "../kernel/clock.ts";
import { Millis } from "../kernel/units.ts";

/** How often is looked whether the files have changed. */
export const TLS_LOOK_EVERY = Millis(10_000);
/** Octets of a file; chains have a few thousand. */
export const MAX_PEM = 256 * 1024;

export interface TlsFilesInput {
  readonly cert: string;
  readonly key: string;
  /** What else the server is made with. */
  readonly parameters: SecureContextOptions;
}

export interface TlsWatch {
  stop(): void;
}

export class TlsFiles {
  readonly #input: TlsFilesInput;
  #text = "";
  #complaint = "";

  constructor(input: TlsFilesInput) {
    this.#input = input;
  }

  /** @throws Error that names the files */
  read(): SecureContextOptions {
    const { cert: certFile, key: keyFile, parameters } = this.#input;
    const [cert, key] = [readPem(certFile), readPem(keyFile)];
    const options = { ...parameters, cert, key };
    try {
      createSecureContext(options);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`certificate ${certFile} and key ${keyFile} cannot be used together: ${why}`);
    }
    this.#text = `${cert}\n${key}`;
    return options;
  }

  /** @param renewed gets a pair that is another one @param failed told once of each new reason why there is none */
  watch(timers: Timers, renewed: (options: SecureContextOptions) => void, failed: (message: string) => void): TlsWatch {
    let timer: TimerHandle;
    const look = (): void => {
      const before = this.#text;
      try {
        const options = this.read();
        this.#complaint = "";
        if (this.#text !== before) renewed(options);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message !== this.#complaint) failed(message);
        this.#complaint = message;
      }
      timer = timers.after(TLS_LOOK_EVERY, look);
    };
    timer = timers.after(TLS_LOOK_EVERY, look);
    return { stop: () => timer.cancel() };
  }
}

function readPem(path: string): string {
  const { size } = statSync(path);
  if (size > MAX_PEM) throw new Error(`${path} has ${size} octets, more than ${MAX_PEM}`);
  return readFileSync(path, "utf8");
}

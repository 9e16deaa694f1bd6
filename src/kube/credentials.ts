// SHELL: the files and plugins behind a ServerAccess -> what the next request is sent with. Owns when something is read anew: token
// files for every request, certificates when they changed, plugins when what they gave expires or was refused. Knows no HTTP.
// Contract: `current` rejects with an ApiError whose reason is `credentials`; no secret is ever in it. Files that do not fit together
// (a rotation half done) leave the last good ones in use.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { Clock } from "../kernel/clock.ts";
import { escapeText } from "../kernel/text.ts";
import type { Pem, ServerAccess } from "./access.ts";
import { ApiError, localFailure } from "./apiError.ts";
import { type ExecCredential, type ExecPlugin, execInfo, readExecCredential } from "./execCredential.ts";

/** PEM texts; the same object as long as nothing changed. */
export interface TlsMaterial {
  readonly ca: string | null;
  readonly certificate: string | null;
  readonly key: string | null;
}

export interface Credentials {
  /** Value of the header; null: none. */
  readonly authorization: string | null;
  readonly tls: TlsMaterial;
}

/** Longest a credential plugin may take, with what it started, milliseconds. */
export const PLUGIN_LIMIT_MS = 30_000;
/** Octets it may print. */
export const PLUGIN_OUTPUT = 1024 * 1024;
/** A credential is replaced so long before it expires, milliseconds. */
const EARLY = 30_000;

export interface CredentialSurroundings {
  /** For plugins. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, "wall">;
  /** Longest a plugin may take, milliseconds; absent: PLUGIN_LIMIT_MS. */
  readonly pluginLimitMs?: number;
}

export class CredentialStore {
  readonly #access: ServerAccess;
  readonly #surroundings: CredentialSurroundings;
  #tls: TlsMaterial | null = null;
  #given: ExecCredential | null = null;
  #asking: Promise<ExecCredential> | null = null;

  constructor(access: ServerAccess, surroundings: CredentialSurroundings) {
    this.#access = access;
    this.#surroundings = surroundings;
  }

  async current(): Promise<Credentials> {
    const { identity } = this.#access;
    switch (identity.type) {
      case "none":
        return { authorization: null, tls: this.#material(null, null) };
      case "token":
        return { authorization: `Bearer ${identity.token}`, tls: this.#material(null, null) };
      case "tokenFile": {
        const token = readText(identity.path, "token").trim();
        if (token === "" || /[^\x21-\x7e]/.test(token)) throw refused(`the token file ${identity.path} holds no token`);
        return { authorization: `Bearer ${token}`, tls: this.#material(null, null) };
      }
      case "certificate": {
        const { certificate, key } = identity;
        const tls = this.#material(pemText(certificate, "client certificate"), pemText(key, "client key"));
        return { authorization: null, tls };
      }
      case "exec": {
        const given = await this.#ask(identity.plugin);
        const { token, certificate } = given;
        const tls = this.#material(certificate?.certificate ?? null, certificate?.key ?? null);
        return { authorization: token === null ? null : `Bearer ${token}`, tls };
      }
    }
  }

  /** The server answered 401 to these: what is kept of them is not used again. */
  refused({ authorization, tls }: Credentials): void {
    const given = this.#given;
    if (given === null) return;
    const isSame =
      given.token === null
        ? tls.certificate === given.certificate?.certificate
        : authorization === `Bearer ${given.token}`;
    if (isSame) this.#given = null;
  }

  #material(certificate: string | null, key: string | null): TlsMaterial {
    const { authority } = this.#access;
    const ca = authority === null ? null : pemText(authority, "certificate authority");
    const before = this.#tls;
    if (before !== null && before.ca === ca && before.certificate === certificate && before.key === key) return before;
    try {
      createSecureContext({
        ...(ca === null ? {} : { ca }),
        ...(certificate === null || key === null ? {} : { cert: certificate, key }),
      });
    } catch (error) {
      // an authority and a certificate are two files, and a rotation writes one after the other
      if (before !== null) return before;
      throw refused(`certificate, key or authority cannot be used: ${wordsOf(error)}`);
    }
    this.#tls = { ca, certificate, key };
    return this.#tls;
  }

  async #ask(plugin: ExecPlugin): Promise<ExecCredential> {
    const given = this.#given;
    const now = this.#surroundings.clock.wall();
    if (given !== null && (given.expiresAt === null || now < given.expiresAt - EARLY)) return given;
    this.#asking ??= runPlugin(plugin, this.#surroundings).finally(() => {
      this.#asking = null;
    });
    try {
      this.#given = await this.#asking;
      return this.#given;
    } catch (error) {
      if (given !== null && this.#given === given && given.expiresAt !== null && now < given.expiresAt) return given;
      throw error;
    }
  }
}

const refused = (message: string): ApiError => new ApiError(localFailure("credentials", message));
const wordsOf = (error: unknown): string => escapeText(error instanceof Error ? error.message : String(error));
const pemText = (pem: Pem, what: string): string => (pem.type === "text" ? pem.text : readText(pem.path, what));

function readText(path: string, what: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw refused(`the ${what} cannot be read: ${wordsOf(error)}`);
  }
}

function runPlugin(
  plugin: ExecPlugin,
  { env, pluginLimitMs = PLUGIN_LIMIT_MS }: CredentialSurroundings,
): Promise<ExecCredential> {
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => reject(refused(`the credential plugin ${plugin.command} ${what}`));
    const child = spawn(plugin.command, [...plugin.args], {
      env: { ...env, ...Object.fromEntries(plugin.env), KUBERNETES_EXEC_INFO: execInfo(plugin) },
      stdio: ["ignore", "pipe", "ignore"], // what it says on stderr may be anything, a token too
    });
    const end = (): void => {
      child.kill("SIGKILL");
      // a script is ended, and what it waits for holds its output open: without this there would be no end of it
      child.stdout.destroy();
    };
    const late = setTimeout(end, pluginLimitMs);
    const chunks: Uint8Array[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: Uint8Array) => {
      size += chunk.length;
      if (size > PLUGIN_OUTPUT) end();
      else chunks.push(chunk);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(late);
      const hint = error.code === "ENOENT" && plugin.installHint !== "" ? `; ${escapeText(plugin.installHint)}` : "";
      fail(`cannot be started: ${wordsOf(error)}${hint}`);
    });
    child.on("close", (code, signal) => {
      clearTimeout(late);
      if (size > PLUGIN_OUTPUT) fail(`printed more than ${PLUGIN_OUTPUT} octets`);
      else if (signal !== null) fail(`was ended by ${signal}, after ${pluginLimitMs / 1000} s at most`);
      else if (code !== 0) fail(`ended with exit code ${code}`);
      else {
        const read = readExecCredential(new TextDecoder().decode(concat(chunks, size)), plugin);
        if (typeof read === "string") fail(read);
        else resolve(read);
      }
    });
  });
}

function concat(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

// What went wrong with a request to the API server, as one shape: HTTP status or none, the server's reason, words for people.
// Owns the reading of Status objects and of Retry-After. Knows nothing of sockets. Contract: no token, no request body and
// nothing of a Secret is ever in a message; what the server wrote is cut and escaped.

import { escapeText } from "../kernel/text.ts";
import { Millis } from "../kernel/units.ts";
import { isRawObject } from "../sources/fields.ts";
import { parseObject } from "./json.ts";

/** Why a request has no good answer. */
export interface ApiFailure {
  /** HTTP status, or that of an ERROR event; null: no answer came. */
  readonly code: number | null;
  /** The server's word (`Conflict`, `Expired`), or ours: `connection`, `timeout`, `silence`, `broken`, `tooLarge`, `credentials`. */
  readonly reason: string;
  readonly message: string;
  /** How long the server asks us to wait; null: it does not. */
  readonly retryAfter: Millis | null;
}

/** Thrown (rejected) by requests. */
export class ApiError extends Error implements ApiFailure {
  override readonly name = "ApiError";
  readonly code: number | null;
  readonly reason: string;
  readonly retryAfter: Millis | null;

  constructor(failure: ApiFailure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.code = failure.code;
    this.reason = failure.reason;
    this.retryAfter = failure.retryAfter;
  }

  /** Somebody else changed the object, or it exists already: read it again, then decide again. */
  get isConflict(): boolean {
    return this.code === 409;
  }

  get isNotFound(): boolean {
    return this.code === 404;
  }

  get isForbidden(): boolean {
    return this.code === 403;
  }
}

/** A failure without an answer of the server. */
export const localFailure = (reason: string, message: string): ApiFailure => ({
  code: null,
  reason,
  message,
  retryAfter: null,
});

/** Characters kept of what the server wrote. */
const MAX_MESSAGE = 400;
/** A server that asks for more is asked again after this. */
const MAX_RETRY_AFTER = 120_000;

const cut = (text: string): string => escapeText(text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE)}...` : text);

/**
 * @param body of the answer: a Status object, or whatever a proxy in between wrote
 * @param retryAfter the header, in seconds; dates are not used by the API server
 */
export function answerFailure(code: number, body: string, retryAfter: string | undefined): ApiFailure {
  const seconds = retryAfter !== undefined && /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : null;
  const wait = seconds === null ? null : Millis(Math.min(seconds * 1000, MAX_RETRY_AFTER));
  return { ...statusFailure(code, parseObject(body)), retryAfter: wait };
}

/** @param status a Status object of the server, in an answer or in an ERROR event */
export function statusFailure(code: number | null, status: unknown): ApiFailure {
  const fields = isRawObject(status) ? status : {};
  const text = (key: string): string => (typeof fields[key] === "string" ? fields[key] : "");
  const own = typeof fields.code === "number" && Number.isInteger(fields.code) ? fields.code : null;
  const message = text("message") === "" ? `HTTP status ${code ?? own ?? "unknown"}` : cut(text("message"));
  return { code: code ?? own, reason: cut(text("reason")), message, retryAfter: null };
}

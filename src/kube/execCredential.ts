// The client.authentication.k8s.io protocol of credential plugins: what a plugin is told, what it may answer. Owns the reading of
// ExecCredential. Knows nothing of processes. Contract: pure; no token or key is ever in a message.
import { isRawObject } from "../sources/fields.ts";

export const EXEC_VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] as const;
export type ExecVersion = (typeof EXEC_VERSIONS)[number];

/** A program that prints credentials. */
export interface ExecPlugin {
  readonly apiVersion: ExecVersion;
  /** A name for PATH, or an absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Shown when there is no such program; empty: none. */
  readonly installHint: string;
  /** What the plugin is told of the cluster; null: nothing (`provideClusterInfo` is not set). */
  readonly cluster: Readonly<Record<string, unknown>> | null;
}

/** What a plugin gave. */
export interface ExecCredential {
  readonly token: string | null;
  readonly certificate: { readonly certificate: string; readonly key: string } | null;
  /** Milliseconds since 1970; null: good until it is refused. */
  readonly expiresAt: number | null;
}

/** The value of KUBERNETES_EXEC_INFO. */
export const execInfo = ({ apiVersion, cluster }: ExecPlugin): string =>
  JSON.stringify({
    apiVersion,
    kind: "ExecCredential",
    spec: { interactive: false, ...(cluster === null ? {} : { cluster }) },
  });

/** @returns the credential, or in words what is wrong with it */
export function readExecCredential(output: string, { apiVersion }: ExecPlugin): ExecCredential | string {
  let value: unknown;
  try {
    value = JSON.parse(output);
  } catch {
    return "printed no JSON";
  }
  if (!isRawObject(value) || value.kind !== "ExecCredential") return "printed no ExecCredential";
  if (value.apiVersion !== apiVersion) return `answered in another version than ${apiVersion}`;
  if (!isRawObject(value.status)) return "gave no status";
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = value.status;
  const text = (field: unknown): string | null => (typeof field === "string" && field !== "" ? field : null);
  const certificate = text(clientCertificateData);
  const key = text(clientKeyData);
  if ((certificate === null) !== (key === null)) return "gave a certificate without its key, or a key alone";
  if (text(token) === null && certificate === null) return "gave neither a token nor a certificate";
  if (text(token) !== null && /[\r\n\0]/.test(text(token) ?? "")) return "gave a token of several lines";
  const expiresAt = text(expirationTimestamp) === null ? null : Date.parse(text(expirationTimestamp) ?? "");
  if (expiresAt !== null && Number.isNaN(expiresAt)) return "gave an expirationTimestamp that is no time";
  return {
    token: text(token),
    certificate: certificate === null || key === null ? null : { certificate, key },
    expiresAt,
  };
}

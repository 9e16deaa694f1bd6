// How to reach an API server and who we are there, as read from a kubeconfig or from a pod's surroundings. Owns the shapes and
// the in-cluster rules. Knows nothing of sockets; files are named here and read by credentials.ts. Contract: pure.
import type { ExecPlugin } from "./execCredential.ts";

/** PEM text, or the file it is in: files are read anew when they change. */
export type Pem = { readonly type: "text"; readonly text: string } | { readonly type: "file"; readonly path: string };

export type Identity =
  | { readonly type: "none" }
  | { readonly type: "token"; readonly token: string }
  /** Read for every request: it rotates. */
  | { readonly type: "tokenFile"; readonly path: string }
  | { readonly type: "certificate"; readonly certificate: Pem; readonly key: Pem }
  | { readonly type: "exec"; readonly plugin: ExecPlugin };

export interface ServerAccess {
  /** Without a slash at its end; may have a path. */
  readonly url: string;
  /** null: the system's authorities. */
  readonly authority: Pem | null;
  /** Name in the server's certificate; null: the host of the URL. */
  readonly serverName: string | null;
  /** The server's certificate is not checked. */
  readonly isInsecure: boolean;
  readonly identity: Identity;
}

/** Where a pod finds its account. */
export const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** From the surroundings of a pod; null: this is none. @param env the environment @param directory of the account, for tests */
export function inClusterAccess(
  env: Readonly<Record<string, string | undefined>>,
  directory = SERVICE_ACCOUNT,
): ServerAccess | null {
  const host = env.KUBERNETES_SERVICE_HOST ?? "";
  const port = env.KUBERNETES_SERVICE_PORT ?? "";
  if (host === "" || port === "") return null;
  return {
    url: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    authority: { type: "file", path: `${directory}/ca.crt` },
    serverName: null,
    isInsecure: false,
    identity: { type: "tokenFile", path: `${directory}/token` },
  };
}

// Whom a bearer token belongs to, and whether that user may get a path: TokenReview, then SubjectAccessReview (metallb-compat 5.3). Owns the
// two requests and the reading of their answers. Knows no HTTP of ours, and keeps nothing: observe/scrapeAccess.ts remembers.
// Contract: pure but for the client; a token is sent to the API server and nowhere else; an answer that says nothing is no permission.
import { isRawObject, type RawObject } from "../sources/fields.ts";
import type { KubeClient } from "./client.ts";
import { apiVersionOf, type KubeResource, SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS } from "./resources.ts";

export type ReviewVerdict =
  | { readonly type: "allowed" }
  /** The API server knows no such token. */
  | { readonly type: "unauthenticated" }
  | { readonly type: "forbidden"; readonly user: string };

type Client = Pick<KubeClient, "create">;

/** @param path one that is no resource, as RBAC's nonResourceURLs @throws ApiError (rejects) when the API server cannot be asked */
export async function reviewToken(client: Client, token: string, path: string): Promise<ReviewVerdict> {
  const { authenticated, user } = await reviewed(client, TOKEN_REVIEWS, { token });
  if (authenticated !== true || !isRawObject(user) || typeof user.username !== "string") {
    return { type: "unauthenticated" };
  }
  const { username, uid, groups, extra } = user;
  const asked = { user: username, uid, groups, extra, nonResourceAttributes: { path, verb: "get" } };
  const { allowed, denied } = await reviewed(client, SUBJECT_ACCESS_REVIEWS, asked);
  return allowed === true && denied !== true ? { type: "allowed" } : { type: "forbidden", user: username };
}

async function reviewed(client: Client, resource: KubeResource, spec: RawObject): Promise<RawObject> {
  const answer = await client.create(resource, { apiVersion: apiVersionOf(resource), kind: resource.kind, spec });
  return isRawObject(answer.status) ? answer.status : {};
}

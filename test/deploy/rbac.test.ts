// The roles of config/rbac against what the code asks for: nothing is missing, nothing is there for nothing.
import { afterEach, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { SETTINGS } from "../../src/config/schema.ts";
import { VALIDATION_PATHS } from "../../src/hooks/review.ts";
import {
  CONTROLLER_PERMISSIONS,
  METRICS_AUTH_PERMISSIONS,
  type Permission,
  SHADOW_PERMISSIONS,
  SPEAKER_PERMISSIONS,
  WEBHOOK_PERMISSIONS,
} from "../../src/kube/permissions.ts";
import { WEBHOOK_SECRET } from "../../src/kube/resources.ts";
import { isAllowed, serviceAccount } from "../kube/access.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { kubectlProblem } from "../kube/kubectl.ts";
import { at, type JsonObject, list, object, text, texts } from "../kube/objects.ts";
import { kustomized, objectsIn, readConfig } from "./manifests.ts";

const HOME = "metallb-system";
const PROGRAMS: readonly (readonly [program: string, permissions: readonly Permission[]])[] = [
  ["speaker", SPEAKER_PERMISSIONS],
  ["shadow", SHADOW_PERMISSIONS],
  ["controller", CONTROLLER_PERMISSIONS],
];

/** One line per scope, resource, name and verb. */
const asked = (permissions: readonly Permission[]): readonly string[] =>
  permissions.flatMap(({ resource: { group, plural }, subresource, verbs, scope, name }) =>
    verbs.map((verb) =>
      lineOf(scope, group, subresource === undefined ? plural : `${plural}/${subresource}`, name, verb),
    ),
  );

const lineOf = (scope: string, group: string, resource: string, name: string | undefined, verb: string): string =>
  `${scope}: ${verb} ${resource}${group === "" ? "" : `.${group}`}${name === undefined ? "" : ` ${name}`}`;

const granted = (objects: readonly JsonObject[]): readonly string[] =>
  objects.flatMap((role) =>
    list(role.rules).flatMap((entry) => {
      const rule = object(entry);
      const names = rule.resourceNames === undefined ? [undefined] : texts(rule.resourceNames);
      return texts(rule.apiGroups).flatMap((group) =>
        texts(rule.resources).flatMap((resource) =>
          names.flatMap((name) =>
            texts(rule.verbs).map((verb) =>
              lineOf(role.kind === "ClusterRole" ? "cluster" : "home", group, resource, name, verb),
            ),
          ),
        ),
      );
    }),
  );

describe.each(PROGRAMS)("the role of the %s", (program, permissions) => {
  const objects = objectsIn(readConfig(`rbac/${program}/rbac.yaml`));

  test("allows what the code asks for and nothing else", () => {
    const [wanted, given] = [asked(permissions), granted(objects)];
    expect([...new Set(given)].sort()).toEqual([...new Set(wanted)].sort());
    expect(given.length, "no permission is given twice").toBe(new Set(given).size);
  });

  test("has no wildcard", () => {
    expect(JSON.stringify(objects)).not.toContain('"*"');
  });
});

test("components/metrics-auth lets the speaker review tokens, and a scraper read metrics, and no more", () => {
  const objects = objectsIn(readConfig("components/metrics-auth/rbac.yaml"));
  expect([...granted(objects)].sort()).toEqual([...asked(METRICS_AUTH_PERMISSIONS)].sort());
  const reader = objects.find((o) => at(o, "metadata", "name") === "vipcast-metrics-reader");
  expect(reader?.rules).toEqual([{ nonResourceURLs: ["/metrics"], verbs: ["get"] }]);
});

test("components/webhooks gives the controller what its webhooks ask for, and no more", () => {
  const objects = objectsIn(readConfig("components/webhooks/rbac.yaml"));
  expect([...granted(objects)].sort()).toEqual([...asked(WEBHOOK_PERMISSIONS)].sort());
  expect(SETTINGS.webhookSecret.fallback).toBe(WEBHOOK_SECRET);
});

test("components/webhooks asks at every path that is served, and nowhere else", () => {
  const hooks = objectsIn(readConfig("components/webhooks/webhooks.yaml")).flatMap((o) => list(o.webhooks));
  const paths = hooks.map((hook) => text(at(hook, "clientConfig", "service", "path")));
  expect(paths.sort()).toEqual(Object.values(VALIDATION_PATHS).sort());
});

const problem = kubectlProblem();

describe.skipIf(problem !== null)(titleOrSkip("the overlays", problem), () => {
  let server: ApiServer;
  afterEach(() => server.stop());

  const CASES: readonly (readonly [overlay: string, program: string, permissions: readonly Permission[]])[] = [
    ["standalone", "speaker", SPEAKER_PERMISSIONS],
    ["standalone", "controller", CONTROLLER_PERMISSIONS],
    ["metallb-dropin", "speaker", SPEAKER_PERMISSIONS],
    ["shadow", "shadow", SHADOW_PERMISSIONS],
  ];

  test.each(CASES)(
    "%s gives the service account of the %s its permissions, in its namespace alone",
    async (overlay, program, permissions) => {
      server = await startApiServer();
      for (const one of kustomized(`overlays/${overlay}`)) server.apply(one);
      const pod = kustomized(`overlays/${overlay}`).find(
        (o) => at(o, "metadata", "name") === `vipcast-${program}` && at(o, "spec", "template") !== undefined,
      );
      const account = text(at(pod, "spec", "template", "spec", "serviceAccountName"));
      const user = serviceAccount(text(at(pod, "metadata", "namespace")), account);
      for (const { resource, subresource, verbs, scope, name } of permissions) {
        for (const verb of verbs) {
          const what = {
            verb,
            group: resource.group,
            resource: subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`,
            name: name ?? "any",
            path: "",
          };
          expect(isAllowed(server.store, user, { ...what, namespace: HOME }), JSON.stringify(what)).toBe(true);
          expect(isAllowed(server.store, user, { ...what, namespace: "elsewhere" }), JSON.stringify(what)).toBe(
            scope === "cluster",
          );
        }
      }
      const secret = { verb: "list", group: "", resource: "secrets", namespace: HOME, name: "", path: "" };
      expect(isAllowed(server.store, serviceAccount(HOME, "default"), secret)).toBe(false);
    },
  );
});

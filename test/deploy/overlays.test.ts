// What `kubectl kustomize` makes of config/: that it builds, that an API server takes it, and that the pods are what the
// documentation promises of them.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { STOP_LIMIT_MS } from "../../src/app/farewell.ts";
import { loadConfig } from "../../src/config/load.ts";
import { CONTROLLER_KEYS, SETTINGS, SPEAKER_KEYS } from "../../src/config/schema.ts";
import { parseGoDuration } from "../../src/kernel/goDuration.ts";
import { type ApiServer, startApiServer } from "../kube/apiServer.ts";
import { kubectlProblem } from "../kube/kubectl.ts";
import { at, type Json, type JsonObject, list, object, text, texts } from "../kube/objects.ts";
import { CONFIG, kustomize, kustomized } from "./manifests.ts";

const problem = kubectlProblem();
const OVERLAYS = ["overlays/standalone", "overlays/metallb-dropin", "overlays/shadow"] as const;
const COMPONENTS = [
  "listen",
  "raw-sockets",
  "realtime-bfd",
  "scrape-annotations",
  "metrics-auth",
  "metrics-tls",
] as const;

const named = (objects: readonly JsonObject[], kind: string, name: string): JsonObject => {
  const found = objects.find((o) => o.kind === kind && at(o, "metadata", "name") === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} among ${objects.map((o) => String(o.kind)).join(", ")}`);
  return found;
};

const podOf = (workload: JsonObject): JsonObject => object(at(workload, "spec", "template", "spec"));
const containerOf = (workload: JsonObject): JsonObject => object(list(podOf(workload).containers)[0]);

describe.skipIf(problem !== null)(titleOrSkip("config/", problem), () => {
  let scratch: string;

  beforeAll(() => {
    // below config/, because kustomize takes no absolute paths; names with a dot are no part of the tree
    scratch = mkdtempSync(join(tmpdir(), "vipcast-kustomize-"));
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** Builds a kustomization that is not in the tree. */
  function build(lines: (config: string) => string): readonly JsonObject[] {
    const directory = mkdtempSync(join(scratch, "k-"));
    const config = relative(directory, CONFIG);
    writeFileSync(join(directory, "kustomization.yaml"), lines(config));
    return kustomize(directory);
  }

  const speakerWith = (...components: readonly string[]): JsonObject =>
    named(
      build(
        (config) =>
          `resources: [${config}/overlays/metallb-dropin]\ncomponents: [${components.map((c) => `${config}/components/${c}`).join(", ")}]\n`,
      ),
      "DaemonSet",
      "vipcast-speaker",
    );

  test("every directory with a kustomization builds", () => {
    const directories = readdirSync(CONFIG, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith("kustomization.yaml"))
      .filter((name) => !readFileSync(join(CONFIG, name), "utf8").includes("kind: Component"))
      .map((name) => name.replace("/kustomization.yaml", ""));
    expect(directories.length).toBeGreaterThan(10);
    for (const directory of directories) expect(kustomized(directory).length, directory).toBeGreaterThan(0);
  });

  describe.each(OVERLAYS)("%s", (overlay) => {
    let server: ApiServer;
    beforeAll(async () => {
      server = await startApiServer();
    });
    afterAll(() => server.stop());

    test("is taken by an API server, twice", () => {
      for (let i = 0; i < 2; i++) for (const one of kustomized(overlay)) server.apply(one);
    });

    test("puts everything that has a namespace into metallb-system", () => {
      for (const one of kustomized(overlay)) {
        const kind = server.kinds.of({ apiVersion: text(one.apiVersion), kind: text(one.kind) });
        if (kind?.isNamespaced) expect(at(one, "metadata", "namespace"), text(one.kind)).toBe("metallb-system");
      }
    });

    test("names the version of the package as its image", () => {
      const { version } = JSON.parse(readFileSync(join(CONFIG, "../package.json"), "utf8")) as { version: string };
      const pods = kustomized(overlay).filter((o) => at(o, "spec", "template") !== undefined);
      expect(pods.map((o) => containerOf(o).image)).toEqual(pods.map(() => `vipcast:${version}`));
    });

    test("runs as a user that is not root, on a root file system that cannot be written, without any capability", () => {
      for (const workload of kustomized(overlay).filter((o) => at(o, "spec", "template") !== undefined)) {
        expect(podOf(workload)).toMatchObject({
          securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
        });
        expect(containerOf(workload).securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
        expect(list(at(containerOf(workload), "securityContext", "capabilities", "add"))).toEqual([]);
      }
    });
  });

  test("the drop-in brings no kind and no object of MetalLB", () => {
    const names = kustomized("overlays/metallb-dropin").map(
      (o) => `${String(o.kind)}/${text(at(o, "metadata", "name"))}`,
    );
    expect(names.sort()).toEqual([
      "ClusterRole/vipcast-speaker",
      "ClusterRoleBinding/vipcast-speaker",
      "CustomResourceDefinition/bgpsessionstates.vipcast.io",
      "CustomResourceDefinition/sitepolicies.vipcast.io",
      "DaemonSet/vipcast-speaker",
      "Role/vipcast-speaker",
      "RoleBinding/vipcast-speaker",
      "ServiceAccount/vipcast-speaker",
    ]);
  });

  test.each(OVERLAYS)("every argument in %s is a setting of its program, with a value that it takes", (overlay) => {
    const pods = kustomized(overlay).filter((o) => at(o, "spec", "template") !== undefined);
    expect(pods.length).toBeGreaterThan(0);
    for (const pod of pods) takesItsArguments(pod);
  });

  test("so is every argument that a component adds", () => takesItsArguments(speakerWith(...COMPONENTS)));

  function takesItsArguments(workload: JsonObject): void {
    const [program, ...args] = texts(containerOf(workload).args);
    const keys = program === "controller" ? CONTROLLER_KEYS : SPEAKER_KEYS;
    const flags = Object.fromEntries(
      args.map((arg) => {
        const [, flag = "", , value] = /^--([^=]+)(=(.*))?$/.exec(arg) ?? [];
        const key = keys.find((k) => SETTINGS[k].flag === flag);
        expect(key, `${program} ${arg}`).toBeDefined();
        return [key, value ?? true] as const;
      }),
    );
    const { problems } = loadConfig({ flags: { nodeName: "n", ...flags }, env: {}, file: undefined });
    expect(problems).toEqual([]);
  }

  test("the shadow needs no network of the node, and listens where the kubelet can ask it", () => {
    const shadow = named(kustomized("overlays/shadow"), "DaemonSet", "vipcast-shadow");
    expect(podOf(shadow).hostNetwork).toBeUndefined();
    expect(texts(containerOf(shadow).args)).toContain("--shadow");
    for (const probe of ["livenessProbe", "readinessProbe"])
      expect(at(containerOf(shadow), probe, "httpGet", "port")).toBe("health");
  });

  describe("the speaker", () => {
    const speaker = (): JsonObject => named(kustomized("overlays/metallb-dropin"), "DaemonSet", "vipcast-speaker");

    test("is asked for its health where MetalLB's speaker is, and scraped where it is", () => {
      for (const probe of ["livenessProbe", "readinessProbe"]) {
        expect(at(containerOf(speaker()), probe, "httpGet")).toMatchObject({ host: "127.0.0.1", port: 17472 });
      }
      expect(list(containerOf(speaker()).ports)).toEqual([{ name: "metrics", containerPort: 9120 }]);
    });

    test("has time to drain and to say goodbye before it is killed", () => {
      const args = texts(containerOf(speaker()).args);
      const drain = parseGoDuration(args.find((a) => a.startsWith("--drain-time="))?.slice(13) ?? "") ?? 0;
      const grace = Number(podOf(speaker()).terminationGracePeriodSeconds) * 1000;
      expect(grace).toBeGreaterThanOrEqual(2 * (drain + STOP_LIMIT_MS));
    });

    test.each([["overlays/standalone"], ["overlays/metallb-dropin"]])(
      "of %s gives only flags that there are",
      (overlay) => {
        const flags = SPEAKER_KEYS.map((key) => SETTINGS[key].flag);
        const [command, ...args] = texts(containerOf(named(kustomized(overlay), "DaemonSet", "vipcast-speaker")).args);
        expect(command).toBe("speaker");
        for (const arg of args) expect(flags, arg).toContain(arg.replace(/^--|=.*$/g, ""));
        const known = SPEAKER_KEYS.flatMap((key) => SETTINGS[key].env);
        const names = list(containerOf(speaker()).env).map((e) => text(object(e).name));
        expect(names.filter((name) => !known.includes(name))).toEqual([]);
      },
    );

    test("comes before other pods, uses the node's network, runs on control-plane nodes too", () => {
      expect(podOf(speaker())).toMatchObject({ priorityClassName: "system-node-critical", hostNetwork: true });
      expect(list(podOf(speaker()).tolerations).map((t) => text(object(t).key))).toEqual([
        "node-role.kubernetes.io/control-plane",
        "node-role.kubernetes.io/master",
      ]);
    });
  });

  test("the controller gives only flags and variables that there are", () => {
    const container = containerOf(named(kustomized("overlays/standalone"), "Deployment", "vipcast-controller"));
    const [command, ...args] = texts(container.args);
    expect(command).toBe("controller");
    const flags = CONTROLLER_KEYS.map((key) => SETTINGS[key].flag);
    for (const arg of args) expect(flags, arg).toContain(arg.replace(/^--|=.*$/g, ""));
    const known = CONTROLLER_KEYS.flatMap((key) => SETTINGS[key].env);
    expect(
      list(container.env)
        .map((e) => text(object(e).name))
        .filter((name) => !known.includes(name)),
    ).toEqual([]);
  });

  describe("a component", () => {
    test.each([
      ["listen", "NET_BIND_SERVICE"],
      ["raw-sockets", "NET_RAW"],
      ["realtime-bfd", "SYS_NICE"],
    ])("%s adds the capability %s and nothing else", (component, capability) => {
      const context = containerOf(speakerWith(component)).securityContext;
      expect(context).toMatchObject({
        allowPrivilegeEscalation: true,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"], add: [capability] },
      });
    });

    test("goes together with the others", () => {
      const speaker = speakerWith(...COMPONENTS);
      const added: Json | undefined = at(containerOf(speaker), "securityContext", "capabilities", "add");
      expect(added).toEqual(["NET_BIND_SERVICE", "NET_RAW", "SYS_NICE"]);
      expect(texts(containerOf(speaker).args)).toContain("--listen=0.0.0.0:179,[::]:179");
      expect(texts(containerOf(speaker).args)).toContain("--metrics-auth");
      expect(at(speaker, "spec", "template", "metadata", "annotations")).toMatchObject({
        "prometheus.io/port": "9120",
      });
    });

    test("without-metallb-speaker takes MetalLB's speaker out of its own manifests, and leaves its controller", () => {
      const metallb = join(scratch, "metallb");
      mkdirSync(metallb);
      const workload = (kind: string, name: string): string =>
        `apiVersion: apps/v1\nkind: ${kind}\nmetadata: {name: ${name}, namespace: metallb-system}\nspec: {selector: {}, template: {}}\n`;
      writeFileSync(
        join(metallb, "metallb.yaml"),
        `${workload("DaemonSet", "speaker")}---\n${workload("Deployment", "controller")}`,
      );
      writeFileSync(join(metallb, "kustomization.yaml"), "resources: [metallb.yaml]\n");
      const built = build(
        (config) =>
          `resources: [../metallb, ${config}/overlays/metallb-dropin]\ncomponents: [${config}/components/without-metallb-speaker]\n`,
      );
      const workloads = built
        .filter((o) => at(o, "spec", "template") !== undefined)
        .map((o) => at(o, "metadata", "name"));
      expect([...workloads].sort()).toEqual(["controller", "vipcast-speaker"]);
    });
  });
});

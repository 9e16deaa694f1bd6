// config/monitoring: the rules work, say the same twice, and every expression names only metrics that there are.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { titleOrSkip } from "../../lab/requirements.ts";
import { METRIC_ROWS } from "../../src/observe/metricTable.ts";
import { at, type JsonObject, list, object, text } from "../kube/objects.ts";
import { CONFIG, objectsIn, readConfig } from "./manifests.ts";

const DIRECTORY = join(CONFIG, "monitoring/rules");
const promtool = (...args: readonly string[]): { readonly status: number | null; readonly said: string } => {
  const { status, stdout, stderr } = spawnSync("promtool", args, { cwd: DIRECTORY, encoding: "utf8", timeout: 60_000 });
  return { status, said: stdout + stderr };
};

const problem =
  spawnSync("promtool", ["--version"], { timeout: 10_000 }).status === 0 ? null : "promtool is not installed";

describe.skipIf(problem !== null)(titleOrSkip("promtool", problem), () => {
  test("finds nothing wrong with the rules", () => {
    expect(promtool("check", "rules", "vipcast.rules.yaml")).toMatchObject({ status: 0 });
  });

  test("sees every alert fire and stay quiet when it should", () => {
    expect(promtool("test", "rules", "vipcast.tests.yaml")).toMatchObject({ status: 0 });
  });
});

const [plain] = objectsIn(readConfig("monitoring/rules/vipcast.rules.yaml"));
const rules: readonly JsonObject[] = list(plain?.groups).flatMap((group) => list(object(group).rules).map(object));

/** Names of metrics and functions in an expression: what stands before `{`, `(`, `[` or an operator and is no label. */
function metricsIn(expression: string): readonly string[] {
  const bare = expression
    .replace(/\{[^}]*\}/g, "")
    .replace(/\b(?:by|on|without|ignoring)\s*\([^)]*\)/g, "")
    .replace(/\[[^\]]*\]/g, "");
  return [...bare.matchAll(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/g)]
    .map(([name]) => name)
    .filter((n) => !/^(or|and|unless|by)$/.test(n));
}

const known = new Set([
  ...METRIC_ROWS.flatMap(({ name, type }) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((s) => name + s) : [name],
  ),
  // of prom-client, see docs/metrics.md
  "process_resident_memory_bytes",
  "process_cpu_seconds_total",
  "nodejs_eventloop_lag_p99_seconds",
]);

describe("the rules", () => {
  test("are the same for the operator as in the plain file", () => {
    const [operator] = objectsIn(readConfig("monitoring/rules/prometheusrule.yaml"));
    expect(at(operator, "spec")).toEqual(plain);
  });

  test.each(rules.map((rule) => [text(rule.alert), text(rule.expr)]))(
    "%s asks only for metrics that there are",
    (_alert, expr) => {
      const names = metricsIn(expr);
      expect(names.length).toBeGreaterThan(0);
      expect(names.filter((name) => !known.has(name))).toEqual([]);
    },
  );

  // metallb-compat 5.10
  test.each([
    ["MetalLBStaleConfig", "1m", "warning"],
    ["MetalLBConfigNotLoaded", "1m", "warning"],
    ["MetalLBAddressPoolExhausted", "1m", "critical"],
    ["MetalLBAddressPoolUsage75Percent", undefined, "warning"],
    ["MetalLBAddressPoolUsage85Percent", undefined, "warning"],
    ["MetalLBAddressPoolUsage95Percent", undefined, "critical"],
    ["MetalLBBGPSessionDown", "1m", "critical"],
  ])("%s is MetalLB's alert: after %s, %s", (alert, after, severity) => {
    const rule = rules.find((r) => r.alert === alert);
    expect([rule?.for, at(rule, "labels", "severity")]).toEqual([after, severity]);
  });

  test("each has a test", () => {
    const [tests] = objectsIn(readConfig("monitoring/rules/vipcast.tests.yaml"));
    const tested = list(tests?.tests).flatMap((t) => list(object(t).alert_rule_test).map((a) => object(a).alertname));
    expect(rules.map((r) => r.alert).filter((alert) => !tested.includes(alert))).toEqual([]);
  });
});

describe("the dashboard", () => {
  const dashboard = JSON.parse(readConfig("monitoring/dashboard/vipcast.json")) as JsonObject;
  const panels = list(dashboard.panels).map(object);
  const expressions = panels.flatMap((panel) =>
    list(panel.targets).map((t) => [text(panel.title), text(object(t).expr)] as const),
  );

  test.each(expressions)("%s asks only for metrics that there are: %s", (_title, expr) => {
    expect(metricsIn(expr).filter((name) => !known.has(name))).toEqual([]);
  });

  test("has panels that do not overlap, each with its own number", () => {
    const ids = panels.map((p) => p.id);
    expect(new Set(ids).size).toBe(ids.length);
    const cells = panels.flatMap((p) => {
      const { x, y, w, h } = object(p.gridPos);
      const across = Array.from({ length: Number(w) }, (_, i) => Number(x) + i);
      return Array.from({ length: Number(h) }, (_, j) => Number(y) + j).flatMap((row) =>
        across.map((column) => `${column}/${row}`),
      );
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(cells.every((cell) => Number(cell.split("/")[0]) < 24)).toBe(true);
  });

  test.skipIf(problem !== null)(titleOrSkip("has only expressions that Prometheus can read", problem), () => {
    const scratch = mkdtempSync(join(tmpdir(), "vipcast-promtool-"));
    try {
      const file = join(scratch, "dashboard.json");
      const all = expressions.map(([, expr], i) => ({ record: `e${i}`, expr: expr.replace(/\$\w+/g, ".*") }));
      writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules: all }] }));
      expect(promtool("check", "rules", file)).toMatchObject({ status: 0 });
    } finally {
      rmSync(scratch, { recursive: true });
    }
  });
});

import { defineConfig } from "vitest/config";

// Three projects: `unit` touches nothing but memory, temporary files and short exchanges on loopback; `live` waits for real
// sockets, threads and clocks; `interop` makes network namespaces with real routers and needs root.
// Real clocks on a shared machine may cost `live` and `interop` a try: they have a second one, and the totals name who took it.
const LIVE = [
  "test/app/answers.test.ts",
  "test/app/shadow.test.ts",
  "test/app/allocationKill.test.ts",
  "test/app/drain.test.ts",
  "test/bfd/loop.test.ts",
  "test/bgp/listener.test.ts",
  "test/bgp/loopback.test.ts",
  "test/deploy/**/*.test.ts",
  "test/kube/apiServer.test.ts",
  "test/kube/badInput.test.ts",
  "test/kube/behaviour.test.ts",
  "test/kube/client.test.ts",
  "test/kube/kubectl.test.ts",
  "test/kube/scrape.test.ts",
  "test/kube/source.test.ts",
  "test/kube/webhooks.test.ts",
  "test/linux/poll.test.ts",
  "test/observe/http.test.ts",
  "test/reports/daemon.test.ts",
  "test/reports/reporter.test.ts",
];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/interop/**", ...LIVE],
          testTimeout: 20_000,
          hookTimeout: 30_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "live",
          include: LIVE,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          retry: 1,
          maxWorkers: 2,
          // after the others: routers and clocks want the machine for themselves
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

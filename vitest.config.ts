import { defineConfig } from "vitest/config";

// Two projects: `unit` touches nothing but memory, temporary files and loopback; `interop` makes network namespaces with
// real routers and needs root.
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/interop/**"],
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
          // after the others: routers and clocks want the machine for themselves
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

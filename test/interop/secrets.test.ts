// A password is for the kernel alone: everything that the program prints, answers or shows about itself is searched for it, while
// its peer has trouble of every kind. Owns the list of places.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { announcingWeb, bgpPeer, labTracker, logLine, NODE, ROUTE, routeAt, startSpeaker } from "./support.ts";

const problem = labProblem();
const RIGHT = "s3cret-Right-1";
const WRONG = "s3cret-Wrong-2";
const MISPLACED = "s3cret-Misplaced-3";

describe.skipIf(problem !== null)(titleOrSkip("secrets", problem), () => {
  const track = labTracker();

  test("C-259 C-256 no password shows in log, status, metrics, check, process arguments or environment", async () => {
    const t = track(await oneRouter({ neighborLines: [`password ${RIGHT}`] }));
    const manifests = announcingWeb(t.speaker);
    manifests.write("peer.yaml", bgpPeer(t, { spec: { password: RIGHT } }));
    // one that never comes up, one with a fault beside its password, one whose password is itself the fault
    const other = { ...t, routerAddress: "192.0.2.3" };
    manifests.write("wrong.yaml", bgpPeer(other, { name: "wrong", spec: { password: WRONG, connectTime: "1s" } }));
    manifests.write("bad.yaml", bgpPeer(other, { name: "bad", holdTime: "1s", spec: { password: WRONG } }));
    manifests.write("odd.yaml", bgpPeer(other, { name: "odd", spec: { password: [MISPLACED], passwordd: MISPLACED } }));
    manifests.writeText("torn.yaml", `kind: BGPPeer\nspec:\n  password: ${MISPLACED}\n bad: [\n`);
    const vipcast = startSpeaker(t.speaker, manifests, { extraArgs: ["--log-level", "trace"] });
    await routeAt(t, ROUTE, [vipcast]);
    await logLine(vipcast, "a failed attempt", (l) => l.event === "connectFailed" && l.peer === "wrong");

    const socket = ["--socket", vipcast.socket];
    const proc = (name: string): string => readFileSync(`/proc/${vipcast.process.pid}/${name}`, "latin1");
    const places: Record<string, string> = {
      "process arguments": proc("cmdline"),
      environment: proc("environ"),
      metrics: await vipcast.metrics(),
      check: await t.speaker.exec("sh", [
        "-c",
        `"$0" "$@" --json; "$0" "$@"; true`,
        process.execPath,
        ...["dist/main.js", "check", manifests.dir, "--node", NODE],
      ]),
    };
    for (const command of ["status", "peers", "routes"]) {
      places[command] = await vipcast.cli(command, ...socket);
      places[`${command} --json`] = await vipcast.cli(command, "--json", ...socket);
    }
    // change of the key while it runs, and the end
    manifests.write("peer.yaml", bgpPeer(t, { spec: { password: WRONG } }));
    const isBroken = () => vipcast.logs().some((l) => l.event === "connectFailed" && l.peer === "tor");
    await waitFor("the changed key to fail", isBroken, (b) => b, { logs: [vipcast], timeoutMs: 20_000 });
    await vipcast.stop();
    places.log = vipcast.process.output();
    expect(places.log.length).toBeGreaterThan(1_000);
    expect(places.check).toMatch(/passwordd/);
    const found = Object.entries(places).filter(([, text]) => [RIGHT, WRONG, MISPLACED].some((s) => text.includes(s)));
    expect(found.map(([place]) => place)).toEqual([]);
  });
});

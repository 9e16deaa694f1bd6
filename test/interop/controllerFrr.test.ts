// From a Service without an address to a route in a real FRR and back, with our controller and our speaker at one API server, each with the
// permissions of its own role alone.
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { waitFor } from "../../lab/waitFor.ts";
import { type KubeStage, kubeStage } from "./kubeStage.ts";
import {
  advertisement,
  bgpPeer,
  established,
  goneAt,
  labTracker,
  type Manifest,
  pool,
  prefixesAt,
  routeAt,
  service,
} from "./support.ts";

const problem = labProblem();

/** A Service as the API server has it before anybody gave it an address, and its endpoints. */
function wanting(name: string): readonly Manifest[] {
  return service(name, "").map((object) => {
    if (object.kind !== "Service") return object;
    const { status: _, ...rest } = object;
    const spec = {
      ...(object.spec as Manifest),
      clusterIP: "10.0.0.7",
      clusterIPs: ["10.0.0.7"],
      ipFamilies: ["IPv4"],
    };
    return { ...rest, spec };
  });
}

describe.skipIf(problem !== null)(titleOrSkip("the controller, the speaker and FRR", problem), () => {
  const track = labTracker();

  test("an address is given and announced, moves when its pool is edited away, and is withdrawn with the Service", async () => {
    const stage: KubeStage = track(await kubeStage());
    await stage.api.apply(bgpPeer(stage), advertisement());
    const controller = stage.startController();
    const vipcast = stage.start();
    await established(stage, [vipcast, stage.api]);
    await stage.api.apply(...wanting("web"), pool(["198.51.100.0/30"]));
    await routeAt(stage, "198.51.100.0/32", [vipcast, controller]);
    // a pool that only grows moves nobody
    await stage.api.apply(pool(["203.0.113.64/30"], "spare"), pool(["198.51.100.0/29"]), ...wanting("next"));
    await routeAt(stage, "198.51.100.1/32", [vipcast, controller]);
    expect(await prefixesAt(stage)).toEqual(["198.51.100.0/32", "198.51.100.1/32"]);
    await stage.api.apply(pool(["198.51.100.1/32"]));
    await waitFor(
      "the move",
      () => prefixesAt(stage),
      (seen) => seen.join() === "198.51.100.1/32,203.0.113.64/32",
      { logs: [vipcast, controller] },
    );
    await stage.api.delete("Service", "default", "web");
    await goneAt(stage, "203.0.113.64/32", [vipcast, controller]);
    // what was freed is there for the next one
    await stage.api.apply(...wanting("third"));
    await routeAt(stage, "203.0.113.64/32", [vipcast, controller]);
    await stage.neverReset();
  });
});

// The BFD matrix with BIRD 2. Owns the words for it.
import { type Bird, startBird } from "../../../lab/bird.ts";
import { birdBfdConfig, birdSession } from "../../../lab/birdBfd.ts";
import { birdVersion } from "../versions.ts";
import { runBfdMatrix } from "./matrix.ts";
import { addressesOf, type BfdPlan, type BfdRouter } from "./router.ts";

const TTL_NOTE = "with `minimumTtl: 64` in our profile: its multihop packets leave with the system's TTL";

runBfdMatrix({
  router: "bird",
  name: "BIRD",
  version: birdVersion,
  cannot: {},
  deviates: {},
  notes: { multihop: TTL_NOTE, multihop6: TTL_NOTE },
  multihopTtl: 64,
  launch: async (host, plan) => asBfdRouter(await startBird(host, configuration(plan)), plan),
});

function asBfdRouter(bird: Bird, plan: BfdPlan): BfdRouter {
  const { speaker } = addressesOf(plan);
  return {
    name: bird.name,
    logTail: (lines) => bird.logTail(lines),
    start: () => bird.start(),
    stop: (signal) => bird.stop(signal),
    seen: async () => {
      const session = await birdSession(bird, speaker);
      return session === null ? null : { isUp: session.state === "Up", patienceMs: session.timeoutMs };
    },
  };
}

function configuration(plan: BfdPlan): string {
  const { speaker, router } = addressesOf(plan);
  const at = plan.hop === "multi" ? null : "to-segment";
  return birdBfdConfig({ ...plan, peer: speaker, local: router, interface: at });
}

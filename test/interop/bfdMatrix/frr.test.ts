// The BFD matrix with FRR's bfdd. Owns the words for it.
import { type Frr, startFrr } from "../../../lab/frr.ts";
import { bfdPeer } from "../../../lab/frrBfd.ts";
import { frrVersion } from "../versions.ts";
import { runBfdMatrix } from "./matrix.ts";
import { addressesOf, type BfdPlan, type BfdRouter } from "./router.ts";

runBfdMatrix({
  router: "frr",
  name: "FRR",
  version: frrVersion,
  cannot: {},
  deviates: {},
  multihopTtl: 255,
  launch: async (host, plan) => asBfdRouter(await startFrr(host, { bfdd: configuration(plan) }), plan),
});

function asBfdRouter(frr: Frr, plan: BfdPlan): BfdRouter {
  const { speaker } = addressesOf(plan);
  return {
    name: frr.name,
    logTail: (lines) => frr.logTail(lines),
    start: () => frr.start(),
    stop: (signal) => (signal === "SIGKILL" ? frr.kill() : frr.stop()),
    seen: async () => {
      const peer = await bfdPeer(frr, speaker);
      if (peer === null) return null;
      const { status, receiveMs, remoteTransmitMs, remoteDetectMult } = peer;
      // it does not tell its detection time: RFC 5880 6.8.4
      const patienceMs = (remoteDetectMult ?? 0) * Math.max(receiveMs ?? 0, remoteTransmitMs ?? 0);
      return { isUp: status === "up", patienceMs };
    },
  };
}

function configuration(plan: BfdPlan): string {
  const { speaker, router } = addressesOf(plan);
  const where =
    plan.hop === "multi" ? `multihop local-address ${router}` : `local-address ${router} interface to-segment`;
  return [
    "bfd",
    ` peer ${speaker} ${where}`,
    `  transmit-interval ${plan.transmitMs}`,
    `  receive-interval ${plan.receiveMs}`,
    `  detect-multiplier ${plan.multiplier}`,
    "  no shutdown",
    " exit",
    "",
  ].join("\n");
}

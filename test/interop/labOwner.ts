// A program that owns a lab and then ends in the way it is told; lab.test.ts bundles and runs it. Prints the lab's id and
// directory as JSON once everything is up, then reads from stdin how to end: `exit`, `throw`, anything else waits.
import { startFrr } from "../../lab/frr.ts";
import { createLab } from "../../lab/lab.ts";

const lab = createLab("owner");
const router = lab.host("router");
lab.link(router, lab.host("peer"), { addressA: "192.0.2.1/30", addressB: "192.0.2.2/30" });
await startFrr(router, { bgpd: "router bgp 65001" });
router.spawn("sh", ["-c", "sleep 600 & sleep 600"]); // a program with a child of its own
console.log(JSON.stringify({ id: lab.id, dir: lab.dir }));
process.stdin.on("data", (how) => {
  if (String(how).trim() === "exit") process.exit(0);
  if (String(how).trim() === "throw") throw new Error("thrown on request");
});

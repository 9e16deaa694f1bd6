// What delays of a Service do at a real FRR router: the announcement comes when it is due although nothing changes any more, and
// the withdrawal likewise.
import { describe, expect, test } from "vitest";
import { labProblem, titleOrSkip } from "../../lab/requirements.ts";
import { objectAt } from "../../lab/routes.ts";
import { oneRouter } from "../../lab/topologies/oneRouter.ts";
import {
  advertisement,
  annotated,
  bgpPeer,
  goneAt,
  labTracker,
  Manifests,
  pool,
  ROUTE,
  routeAt,
  service,
  startSpeaker,
  VIP,
} from "./support.ts";

const problem = labProblem();
/** What a busy machine may add until the router is seen to know. */
const LATE_MS = 5_000;

describe.skipIf(problem !== null)(titleOrSkip("delays of a Service at FRR", problem), () => {
  const track = labTracker();

  test("announce-delay and withdraw-delay are kept, no shorter and not much longer", async () => {
    const s = track(await oneRouter());
    const manifests = new Manifests(s.speaker);
    manifests.write("base.yaml", bgpPeer(s), pool(), advertisement());
    manifests.write("sentinel.yaml", ...service("sentinel", "198.51.100.200"));
    const vipcast = startSpeaker(s.speaker, manifests);
    await routeAt(s, "198.51.100.200/32", [vipcast]);
    const delays = { "announce-delay": "1500ms", "withdraw-delay": "4s" };
    const write = (ready: boolean): number => {
      const [web, slice] = service("web", VIP, { conditions: { ready } });
      const before = performance.now();
      manifests.write("web.yaml", annotated(web, delays), slice ?? {});
      return before;
    };

    let begin = write(true);
    await routeAt(s, ROUTE, [vipcast]);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(1_499);
    expect(performance.now() - begin).toBeLessThan(1_500 + LATE_MS);

    // a break shorter than the delay is not seen
    write(false);
    write(true);
    begin = write(false);
    const why = await vipcast.cli("why", "default/web", "--json", "--socket", vipcast.socket);
    expect(JSON.parse(why)).toMatchObject({ announced: true, heldUntil: expect.stringMatching(/Z$/) });
    await goneAt(s, ROUTE, [vipcast]);
    expect(performance.now() - begin).toBeGreaterThanOrEqual(3_999);
    expect(performance.now() - begin).toBeLessThan(4_000 + LATE_MS);
    const status = await vipcast.cli("status", "--json", "--socket", vipcast.socket);
    expect(objectAt(JSON.parse(status).services)).toMatchObject({ total: 2, announced: 1 });
  });
});

// SHELL: BIRD's two ways to change a route while it runs. Owns the protocols of its table. Contract: as in injector.ts.
import { type LabProcess, run } from "../../lab/process.ts";
import { BirdInjector } from "../bird.ts";
import { addressOf, dottedQuad } from "../inject/table.ts";
import type { Injector, Way } from "./injector.ts";

/** What an operator's script does: rewrite the list of routes, have birdc load it. */
export const birdFile: Way = {
  who: "bird",
  how: "configuration file written, `birdc configure`",
  async start(workshop, sinkPort, count) {
    const bird = new BirdInjector(workshop, sinkPort);
    const absent = new Set<number>();
    bird.configure(table(count, absent));
    const birdc = ["birdc", "-s", bird.controlSocket, "configure"];
    return injector(bird.start(), (route, isAnnounced) => {
      if (isAnnounced) absent.delete(route);
      else absent.add(route);
      const text = table(count, absent);
      return () => {
        bird.configure(text);
        return run(birdc, workshop.env);
      };
    });
  },
};

/** The quickest one: a kept connection to the control socket switches a protocol that holds one route. */
export const birdSocket: Way = {
  who: "bird",
  how: "control socket, static protocol disabled and enabled",
  async start(workshop, sinkPort, count) {
    const bird = new BirdInjector(workshop, sinkPort);
    bird.configure(Array.from({ length: count }, (_, i) => single(i)).join(""));
    const program = bird.start();
    const control = await bird.control(program);
    const act = (route: number, isAnnounced: boolean) => () =>
      control.command(`${isAnnounced ? "enable" : "disable"} route${route}`);
    return injector(program, act, () => control.close());
  },
};

const injector = (program: LabProcess, prepare: Injector["prepare"], close = (): void => {}): Injector => ({
  program,
  prepare,
  ownFigures: () => [],
  close,
});

const route = (i: number): string => `  route ${dottedQuad(addressOf(i))}/32 blackhole;\n`;
const single = (i: number): string => `protocol static route${i} {\n  ipv4;\n${route(i)}}\n`;

function table(count: number, absent: ReadonlySet<number>): string {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) if (!absent.has(i)) lines.push(route(i));
  return `protocol static bench {\n  ipv4;\n${lines.join("")}}\n`;
}

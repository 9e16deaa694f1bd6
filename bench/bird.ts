// SHELL: BIRD beside us, on loopback, with everything of its own: configuration, control socket, port. Owns its
// configuration text and its control protocol. Knows no stop watch. Contract: no kernel protocol is configured, so nothing
// reaches the machine's routing table; the machine's own BIRD is never touched.
import { writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import type { LabProcess } from "../lab/process.ts";
import { until, type Workshop } from "./children.ts";
import { SINK_ASN } from "./sink.ts";

export class BirdInjector {
  readonly #workshop: Workshop;
  readonly #sinkPort: number;
  readonly configFile: string;
  readonly controlSocket: string;

  constructor(workshop: Workshop, sinkPort: number) {
    this.#workshop = workshop;
    this.#sinkPort = sinkPort;
    this.configFile = join(workshop.dir, "bird.conf");
    this.controlSocket = join(workshop.dir, "bird.ctl");
  }

  start(): LabProcess {
    const pid = join(this.#workshop.dir, "bird.pid");
    return this.#workshop.start(["bird", "-f", "-c", this.configFile, "-s", this.controlSocket, "-P", pid]);
  }

  /** Writes the configuration: the session and these protocols. @param session `off`: until `enable sink` */
  configure(protocols: string, session: "on" | "off" = "on"): void {
    // a port of its own near the sink's, as 179 may be in use
    writeFileSync(
      this.configFile,
      `log stderr { warning, error, fatal, bug };
router id 10.255.255.1;
protocol bgp sink {
  disabled ${session === "off" ? "yes" : "no"};
  local 127.0.0.2 port ${this.#sinkPort + 6_001} as 65001;
  neighbor 127.0.0.1 port ${this.#sinkPort} as ${SINK_ASN};
  strict bind yes;
  multihop;
  connect delay time 0;
  ipv4 { import none; export all; next hop self; };
}
${protocols}`,
    );
  }

  /** Connects to the control socket as soon as there is one. */
  control(program: LabProcess): Promise<BirdControl> {
    const connect = (): Promise<BirdControl | null> => BirdControl.connect(this.controlSocket).catch(() => null);
    return until("BIRD's control socket", [program], connect);
  }
}

/** A kept connection to BIRD's control socket: what birdc does, without its start. */
export class BirdControl {
  readonly #socket: net.Socket;
  #answer = "";
  #answered: ((text: string) => void) | null = null;

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("error", () => {});
    socket.on("data", (text: string) => {
      this.#answer += text;
      // every line of an answer but the last has a dash, a plus or a space in the place behind its four digits
      if (!/^\d{4} .*\n$/m.test(this.#answer)) return;
      this.#answered?.(this.#answer);
      this.#answer = "";
      this.#answered = null;
    });
  }

  static async connect(path: string): Promise<BirdControl> {
    const socket = await new Promise<net.Socket>((resolve, reject) => {
      const connecting = net.connect(path, () => resolve(connecting));
      connecting.once("error", reject);
    });
    const control = new BirdControl(socket);
    await control.#next(); // the greeting
    return control;
  }

  /** @returns the answer, once it is complete */
  command(text: string): Promise<string> {
    const answer = this.#next();
    this.#socket.write(`${text}\n`);
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  #next(): Promise<string> {
    return new Promise((resolve) => {
      this.#answered = resolve;
    });
  }
}

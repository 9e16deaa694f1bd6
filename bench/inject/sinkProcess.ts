// The sink from outside: starts it, hears what it has counted. Owns the check that it was given exactly the table.
import type { LabProcess } from "../../lab/process.ts";
import type { Workshop } from "../children.ts";
import { hear, roleCommand } from "../roles.ts";
import { addressSum } from "./table.ts";

/** What it took on the wire: UPDATEs without End-of-RIB, their octets with headers. */
export interface Traffic {
  /** When the chunk with the last prefix arrived, as `now` of roles.ts. */
  readonly at: string;
  readonly messages: number;
  readonly octets: number;
}

export interface Done extends Traffic {
  readonly established: string;
}

export interface SinkProcess {
  readonly program: LabProcess;
  readonly port: number;
  /** The whole table is there. @throws Error when it is another table, or too late */
  done(speaker: LabProcess): Promise<Done>;
  /** As many prefixes have been withdrawn. @throws Error when too late */
  gone(speaker: LabProcess): Promise<Traffic>;
}

const sums = new Map<number, number>();

export async function startSink(workshop: Workshop, count: number): Promise<SinkProcess> {
  const program = workshop.start(roleCommand("@sink", count));
  const listening = await hear(program, "listening");
  const sum = sums.get(count) ?? addressSum(count);
  sums.set(count, sum);
  const traffic = (said: (field: string) => string): Traffic => ({
    at: said("at"),
    messages: Number(said("updates")),
    octets: Number(said("octets")),
  });
  return {
    program,
    port: Number(listening("port")),
    async done(speaker) {
      const done = await hear(program, "done", speaker);
      const established = await hear(program, "established", speaker);
      if (Number(done("announced")) !== count || Number(done("addressSum")) !== sum) {
        throw new Error(`the sink got ${done("announced")} prefixes, but not those of the table`);
      }
      return { ...traffic(done), established: established("at") };
    },
    async gone(speaker) {
      return traffic(await hear(program, "gone", speaker));
    },
  };
}

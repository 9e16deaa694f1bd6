// Which services could announce which prefix under which SitePolicy. Owns that index and nothing else. Knows neither decisions nor
// outcomes. Contract: `remove` says whether the prefix ceased to be one that somebody could announce.
import type { ServiceKey } from "../kernel/units.ts";
import type { GovernedPrefix } from "./siteGate.ts";

export class Governed {
  readonly #services = new Map<string, Set<ServiceKey>>();

  servicesOf(at: GovernedPrefix): Iterable<ServiceKey> {
    return this.#services.get(governedKey(at)) ?? [];
  }

  add(at: GovernedPrefix, service: ServiceKey): void {
    const key = governedKey(at);
    const known = this.#services.get(key);
    if (known === undefined) this.#services.set(key, new Set([service]));
    else known.add(service);
  }

  /** @returns true when no service of the prefix is left */
  remove(at: GovernedPrefix, service: ServiceKey): boolean {
    const key = governedKey(at);
    const known = this.#services.get(key);
    if (known?.delete(service) !== true || known.size > 0) return false;
    this.#services.delete(key);
    return true;
  }
}

export const governedKey = ({ policy, prefixKey }: GovernedPrefix): string => `${policy} ${prefixKey}`;

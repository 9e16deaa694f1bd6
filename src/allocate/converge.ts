// What one service keeps, and what it is given: the convergence of metallb-compat 4.3 in two steps. Owns their order and every cause in
// words. Must not know other services (the ledger does), nor when a step is due (engine.ts).
// Contract: `retain` never gives an address that the service did not have, `supply` never takes one; each says what it did in events, so
// that nothing is taken silently. `standing` is why the service has not what it asks for.
import type { AddressRequest, ServiceObject } from "../announce/model.ts";
import { formatIp, type Ip, type IpVersion } from "../kernel/ip.ts";
import { listed } from "../kernel/suggest.ts";
import type { Ledger } from "./ledger.ts";
import { type AllocationEvent, type AllocationOptions, events } from "./model.ts";
import { type NamespaceLabels, type Pool, whyNotServed } from "./pool.ts";
import { familiesOfIps, familyText, parseHeldIp, readWishes, sameFamilies, type Wishes } from "./wishes.ts";

export interface Surroundings {
  readonly ledger: Ledger;
  readonly options: AllocationOptions;
  readonly labelsOf: NamespaceLabels;
}

export interface Step {
  readonly events: readonly AllocationEvent[];
  readonly standing: AllocationEvent | null;
  /** `retain` only: `supply` has to follow. */
  readonly isWanting: boolean;
}

/** Of type LoadBalancer and of our class (metallb-compat 2.3). */
export const isServed = (
  service: ServiceObject,
  { lbClass }: AllocationOptions,
): service is ServiceObject & { readonly request: AddressRequest } =>
  service.request !== null && service.loadBalancerClass === (lbClass === "" ? null : lbClass);

/** Steps 3 to 11: keeps what may be kept. @param claim what the service is said to have; null: what the ledger says */
export function retain(
  service: ServiceObject & { readonly request: AddressRequest },
  claim: readonly string[] | null,
  around: Surroundings,
): Step {
  const { ledger, options } = around;
  const { key, request } = service;
  const texts = claim ?? ledger.holdings.get(key)?.texts ?? [];
  const parsed = texts.map(parseHeldIp);
  const ips = parsed.flatMap((ip) => (ip === null ? [] : [ip]));
  const wishes = readWishes(service, request, ips, options.source);
  const told: AllocationEvent[] = [];
  const clear = (cause: string | null): void => {
    ledger.release(key);
    if (texts.length > 0 && cause !== null) told.push(events.cleared(cause));
  };
  const failed = (standing: AllocationEvent): Step => ({ events: [...told, standing], standing, isWanting: false });
  const wanting = (): Step => ({ events: told, standing: null, isWanting: true });

  if (request.clusterIps.length === 0 && options.source === "cluster") {
    clear("the service has no ClusterIP");
    return failed(events.failed(key, "the service has no ClusterIP"));
  }
  const { families } = wishes;
  if (request.policy === "RequireDualStack" && families?.length !== 2 && !hasTwo(request)) {
    clear("RequireDualStack without two ClusterIPs");
    return failed(events.tooFewClusterIps());
  }
  if (texts.length > 0) {
    const odd = parsed.includes(null) || familiesOfIps(ips) === null;
    const cause = odd ? null : whyNotKept(service, ips, wishes, around);
    if (odd) {
      told.push(events.oddHeldFamily(texts));
      clear(`${listed(texts)} is no address, or not one of each family`);
    } else if (cause !== null) clear(cause);
    else ledger.hold(key, ips, wishes.terms);
  }
  if (families === null) return failed(events.oddClusterFamily(request.clusterIps));
  const pool = ledger.poolOf(ledger.holdings.get(key)?.ips ?? []);
  if (pool !== null && wishes.pool !== null && wishes.pool !== pool.name) {
    clear(`pool ${wishes.pool} is requested, the addresses are of pool ${pool.name}`);
  }
  if (wishes.fault !== null) return failed(events.badRequest(wishes.fault));
  const held = ledger.holdings.get(key)?.texts ?? [];
  if (held.length > 0 && wishes.ips !== null && !sameSet(held, wishes.ips.map(formatIp))) {
    clear(`${wishes.ips.map(formatIp).join(", ")} is requested`);
  }
  return wanting();
}

const hasTwo = ({ clusterIps }: AddressRequest): boolean => clusterIps.length >= 2;

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text) => b.includes(text));

/** Steps 8 and 9. */
function whyNotKept(service: ServiceObject, ips: readonly Ip[], wishes: Wishes, around: Surroundings): string | null {
  const { families, isContentWithOne } = wishes;
  const isHalf = families?.length === 2 && isContentWithOne && ips.length === 1;
  if (families !== null && !isHalf && !sameFamilies(familiesOfIps(ips), families)) {
    return `the service is ${familyText(families)}, the addresses are ${familyText(familiesOfIps(ips))}`;
  }
  return whyNotAssignable(service, ips, wishes, around);
}

/** The checks of 4.6; families have been looked at. */
function whyNotAssignable(
  service: ServiceObject,
  ips: readonly Ip[],
  { terms }: Wishes,
  { ledger, labelsOf }: Surroundings,
): string | null {
  const pool = ledger.poolOf(ips);
  if (pool === null) {
    const texts = ips.map(formatIp).join(", ");
    return ips.length === 1 ? `${texts} is in no IPAddressPool` : `no single IPAddressPool has all of ${texts}`;
  }
  const refusal = whyNotServed(pool, service, labelsOf);
  if (refusal !== null) return `pool ${pool.name} ${refusal}`;
  for (const ip of ips) {
    const conflict = ledger.conflict(ip, service.key, terms);
    if (conflict !== null) return conflict;
  }
  return null;
}

/** Steps 12 and 13: gives what is wanting. */
export function supply(service: ServiceObject & { readonly request: AddressRequest }, around: Surroundings): Step {
  const { ledger, options } = around;
  const { key, request } = service;
  const held = ledger.holdings.get(key)?.ips ?? [];
  const wishes = readWishes(service, request, held, options.source);
  if (held.length > 0) return addSecond(service, held, wishes, ledger);
  const choice = choose(service, wishes, around);
  if (typeof choice === "string") {
    const standing = events.failed(key, choice);
    return { events: [standing], standing, isWanting: false };
  }
  ledger.hold(key, choice, wishes.terms);
  const given = events.allocated(choice.map(formatIp));
  const rest = addSecond(service, choice, wishes, ledger);
  return { ...rest, events: [given, ...rest.events] };
}

/** Step 12, for services that are dual-stack themselves. */
function addSecond({ key }: ServiceObject, held: readonly Ip[], wishes: Wishes, ledger: Ledger): Step {
  const [only] = held;
  const isHalf = wishes.families?.length === 2 && wishes.isContentWithOne && held.length === 1;
  const pool = ledger.poolOf(held);
  if (only === undefined || !isHalf || pool === null) return { events: [], standing: null, isWanting: false };
  const added = ledger.lowest(pool, only.version === 4 ? 6 : 4, key, wishes.terms);
  if (added === null) {
    const standing = events.notAdded(`no available IPs in pool ${pool.name}`);
    return { events: [standing], standing, isWanting: false };
  }
  ledger.hold(key, [...held, added], wishes.terms);
  return { events: [events.added(formatIp(added))], standing: null, isWanting: false };
}

/** 4.5: explicit addresses, explicit pool, automatic. @returns addresses, or why there are none */
function choose(service: ServiceObject, wishes: Wishes, around: Surroundings): readonly Ip[] | string {
  const { table } = around.ledger;
  if (table.pools.size === 0) return "there is no IPAddressPool";
  if (wishes.ips !== null) return chooseRequested(service, wishes, wishes.ips, around);
  if (wishes.pool === null) return chooseAutomatically(service, wishes, around);
  const pool = table.pools.get(wishes.pool);
  if (pool === undefined) return `unknown pool ${wishes.pool}; there are ${listed([...table.pools.keys()])}`;
  const refusal = whyNotServed(pool, service, around.labelsOf);
  if (refusal !== null) return `pool ${pool.name} ${refusal}`;
  return fromFirst([pool], service, wishes, around.ledger) ?? `no available IPs in pool ${pool.name}`;
}

function chooseRequested(
  service: ServiceObject,
  wishes: Wishes,
  ips: readonly Ip[],
  around: Surroundings,
): readonly Ip[] | string {
  const refusal = whyNotAssignable(service, ips, wishes, around);
  if (refusal !== null) return refusal;
  const pool = around.ledger.poolOf(ips);
  if (wishes.pool === null || pool?.name === wishes.pool) return ips;
  return `${ips.map(formatIp).join(", ")} is in pool ${pool?.name}, but pool ${wishes.pool} is requested`;
}

function chooseAutomatically(service: ServiceObject, wishes: Wishes, around: Surroundings): readonly Ip[] | string {
  const { table } = around.ledger;
  const pinned = table.pinned.filter((pool) => whyNotServed(pool, service, around.labelsOf) === null);
  const found =
    fromFirst(pinned, service, wishes, around.ledger) ?? fromFirst(table.open, service, wishes, around.ledger);
  return found ?? `no available IPs: ${whyNone(table.pools.values(), service, wishes, around)}`;
}

/** For operators: what each pool lacks. */
function whyNone(
  pools: Iterable<Pool>,
  service: ServiceObject,
  { families, terms }: Wishes,
  { ledger, labelsOf }: Surroundings,
): string {
  const each = [...pools].map((pool) => {
    const refusal = whyNotServed(pool, service, labelsOf);
    if (refusal !== null) return `pool ${pool.name} ${refusal}`;
    if (!pool.object.autoAssign) return `pool ${pool.name} has autoAssign false`;
    const lacking = families?.find((family) => ledger.lowest(pool, family, service.key, terms) === null) ?? 4;
    return `pool ${pool.name} has no ${pool.capacity[lacking] === 0n ? "" : "free "}IPv${lacking} address`;
  });
  return listed(each);
}

/** The first pool that has what the service wants; with PreferDualStack, one family where no pool has both. */
function fromFirst(
  pools: readonly Pool[],
  { key }: ServiceObject,
  { families, primary, isContentWithOne, terms }: Wishes,
  ledger: Ledger,
): readonly Ip[] | null {
  const all = (versions: readonly IpVersion[]): readonly Ip[] | null => {
    for (const pool of pools) {
      const found: Ip[] = [];
      for (const version of versions) {
        const ip = ledger.lowest(pool, version, key, terms);
        if (ip !== null) found.push(ip);
        else break;
      }
      if (found.length === versions.length) return found;
    }
    return null;
  };
  const wanted = families ?? [];
  const other: IpVersion = primary === 4 ? 6 : 4;
  if (wanted.length < 2 || !isContentWithOne) return all(wanted);
  return all(wanted) ?? all([primary]) ?? all([other]);
}

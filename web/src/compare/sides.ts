import type { Query } from '../api/client';
import type { Deploy, ExampleSpan, LoneOperation } from '../api/types';
import { exampleHref } from '../stages/difference';
import { parseAnalysis, rangeOf, type Filters } from '../scope/filters';
import { instant, msOf } from '../time';

/** What the two sides of a comparison are asked for; the names are the API's. */
export const SIDE_KEYS = ['from', 'to', 'version', 'region', 'queue'] as const;
const SIDES = ['a', 'b'] as const;
const BOTH = ['service', 'channel', 'control'] as const;
type SideKey = `${(typeof SIDES)[number]}_${(typeof SIDE_KEYS)[number]}`;
export type Sides = Partial<Record<SideKey | (typeof BOTH)[number], string>>;

const WEEK = 7 * 864e5;
const DAY = 864e5;
const KEYS: readonly (keyof Sides)[] = [
  ...SIDES.flatMap((side) => SIDE_KEYS.map((key) => `${side}_${key}` as SideKey)),
  ...BOTH,
];

/** Both sides as the address has them; without any, the time of the filters against the same hours last week. */
export function readSides(search: string, now: number): Sides {
  const params = new URLSearchParams(search);
  const sides: Sides = {};
  for (const key of KEYS) {
    const value = params.get(key)?.trim();
    const time = /_(from|to)$/.test(key);
    if (value && (!time || !Number.isNaN(Date.parse(value)))) sides[key] = time ? instant(Date.parse(value)) : value;
  }
  const filters = parseAnalysis(search);
  if (!Object.keys(sides).some((key) => /^[ab]_/.test(key))) return { ...weekSides(filters, now), ...sides };
  const [from, to] = rangeOf(filters, now);
  return { a_from: instant(from), a_to: instant(to), ...sides };
}

/** The shortest query string that means these sides: what B has as A it leaves out. */
export function sidesSearch(sides: Sides): string {
  const params = new URLSearchParams();
  for (const key of KEYS) {
    const value = sides[key];
    if (value && !(key.startsWith('b_') && sides[`a_${key.slice(2)}` as SideKey] === value)) params.set(key, value);
  }
  const text = params.toString();
  return text && `?${text}`;
}

/** Sides that differ in their version alone have nothing in common a week before that could have changed. */
export const mayControl = (sides: Sides): boolean =>
  (['from', 'to', 'region', 'queue'] as const).some(
    (key) => (sides[`b_${key}`] ?? sides[`a_${key}`]) !== sides[`a_${key}`],
  );

export const sidesQuery = (sides: Sides): Query => ({ ...sides });

/** The time of the filters against the same hours a week before. */
export function weekSides(filters: Filters, now: number): Sides {
  const [from, to] = rangeOf(filters, now);
  return {
    a_from: instant(from - WEEK),
    a_to: instant(to - WEEK),
    b_from: instant(from),
    b_to: instant(to),
    ...placeOf(filters),
  };
}

/** A day before a deployment with the old version against the time since with the new one. */
export function deploySearch(deploy: Deploy, end: number, filters: Filters): string {
  const at = msOf(deploy.at_ns);
  return sidesSearch({
    a_from: instant(at - DAY),
    a_to: instant(at),
    b_from: instant(at),
    b_to: instant(Math.max(at + 60_000, Math.min(end, at + DAY))),
    ...(deploy.before ? { a_version: deploy.before } : {}),
    b_version: deploy.version,
    ...placeOf(filters),
  });
}

/** More kinds would make a link too long for what stands in front of a server; the most frequent come first. */
const MARKED = 20;
/** An example of B; its waterfall marks what A has nothing like. */
export function exampleOfB(example: ExampleSpan, fresh: readonly LoneOperation[]): string {
  const kinds = fresh.slice(0, MARKED).map(({ stage, service, operation }) => stage ?? `${service} ${operation}`);
  const marks = new URLSearchParams({ tab: 'waterfall', new: kinds.join('\n') });
  return exampleHref(example) + (kinds.length > 0 ? `&${marks}` : '');
}

export const exchanged = (sides: Sides): Sides => {
  const next: Sides = {};
  for (const key of KEYS) {
    const other = key.startsWith('a_') ? `b_${key.slice(2)}` : key.startsWith('b_') ? `a_${key.slice(2)}` : key;
    const value = sides[other as keyof Sides] ?? (other.startsWith('b_') ? sides[key] : undefined);
    if (value) next[key] = value;
  }
  return next;
};

function placeOf({ region, queue, channel }: Filters): Sides {
  return {
    ...(region ? { a_region: region } : {}),
    ...(queue ? { a_queue: queue } : {}),
    ...(channel ? { channel } : {}),
  };
}

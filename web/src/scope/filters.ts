import type { Query } from '../api/client';
import { FACETS, STAGES } from '../api/types';
import { MINUTE, SECOND } from '../time';

export const RANGES = { '15m': 15, '1h': 60, '24h': 24 * 60, '7d': 7 * 24 * 60, all: 0 } as const;
export type Range = keyof typeof RANGES;
export const DEFAULT_RANGE: Range = '24h';

const WORDS = [...FACETS, 'version', 'agent', 'stage', 'q'] as const;
type Word = (typeof WORDS)[number];
/** The filters that go along from page to page. */
const SHARED = ['region', 'queue', 'channel', 'version'] as const;
/** An address of the list from before it had one of its own: only the list has these. */
const LIST_ONLY = ['q', 'outcome', 'service', 'agent', 'stage', 'errors', 'min'];

/** What every page about many calls is asked for. A relative range or two fixed ends, never both. */
export interface Filters extends Partial<Record<Word, string>> {
  range: Range | null;
  from?: string;
  to?: string;
  errors: boolean;
  /** A Go-style duration such as `90s`, `5m`. */
  min?: string;
}

export type Changes = { [K in keyof Filters]?: Filters[K] | undefined };
/** Where a page goes when its filters change. */
export type HrefOf = (changes: Changes) => string;

/** Reads a query string; what it does not understand it drops. */
export function parseFilters(search: string): Filters {
  const params = new URLSearchParams(search);
  const filters: Filters = { range: DEFAULT_RANGE, errors: params.get('errors') === 'true' };
  for (const word of WORDS) {
    const value = params.get(word)?.trim();
    if (value && (word !== 'stage' || (STAGES as readonly string[]).includes(value))) filters[word] = value;
  }
  const min = params.get('min');
  if (min && durationNs(min) !== null) filters.min = min;
  const range = params.get('range');
  const [from, to] = [instant(params.get('from')), instant(params.get('to'))];
  if (range && Object.hasOwn(RANGES, range)) filters.range = range as Range;
  else if (from || to) {
    filters.range = null;
    if (from) filters.from = from;
    if (to) filters.to = to;
  }
  return filters;
}

/** As a page about a stretch of time reads it: all time counts as a day, and its stage is not a filter. */
export function parseAnalysis(search: string): Filters {
  const { stage: _, ...filters } = parseFilters(search);
  return { ...filters, range: filters.range === 'all' ? DEFAULT_RANGE : filters.range };
}

/** The shortest query string that means these filters. */
export const filterSearch = (filters: Filters): string => withFilters('', filters);

/** A query string with other filters in it; what else it says stays. */
export function withFilters(search: string, filters: Filters): string {
  const params = new URLSearchParams(search);
  for (const key of [...WORDS, 'errors', 'min', 'range', 'from', 'to']) params.delete(key);
  for (const word of WORDS) if (filters[word]) params.set(word, filters[word]);
  if (filters.errors) params.set('errors', 'true');
  if (filters.min) params.set('min', filters.min);
  if (filters.range) {
    if (filters.range !== DEFAULT_RANGE) params.set('range', filters.range);
  } else {
    if (filters.from) params.set('from', filters.from);
    if (filters.to) params.set('to', filters.to);
  }
  const text = params.toString();
  return text && `?${text}`;
}

/** The time and the filters that go along when another page is opened. */
export function sharedSearch(search: string): string {
  const filters = parseFilters(search);
  const kept: Filters = { range: filters.range, errors: false };
  for (const key of [...SHARED, 'from', 'to'] as const) if (filters[key]) kept[key] = filters[key];
  return filterSearch(kept);
}

export const isListSearch = (search: string): boolean => {
  const params = new URLSearchParams(search);
  return LIST_ONLY.some((key) => params.has(key));
};

/** The same filters with some changed; undefined removes one. */
export function changed(filters: Filters, changes: Changes): Filters {
  const next = { ...filters, ...changes };
  if (changes.range) (delete next.from, delete next.to);
  return Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined)) as unknown as Filters;
}

/** The API's question; `now` is an argument so that a relative range can be tested. */
export function apiQuery(filters: Filters, now: number): Query {
  const query: Query = {};
  for (const word of WORDS) if (word !== 'version') query[word] = filters[word];
  if (filters.version) query['q'] = withTerm(filters.q, 'service.version', filters.version) ?? filters.q;
  if (filters.errors) query['errors'] = true;
  if (filters.min) query['min_duration'] = filters.min;
  const minutes = filters.range ? RANGES[filters.range] : 0;
  if (minutes) query['from'] = new Date(now - minutes * 60_000).toISOString();
  if (!filters.range) Object.assign(query, { from: filters.from, to: filters.to });
  return query;
}

/** The question about a stretch of time: no stage, and a day where the list would take everything. */
export function analysisQuery(filters: Filters, now: number): Query {
  const range = filters.range === 'all' ? DEFAULT_RANGE : filters.range;
  const { version, ...rest } = filters;
  return { ...apiQuery({ ...rest, range }, now), stage: undefined, version };
}

/** First and last moment, in ms; `all` counts as the default. */
export function rangeOf(filters: Filters, now: number): [from: number, to: number] {
  const minutes = RANGES[filters.range === null || filters.range === 'all' ? DEFAULT_RANGE : filters.range];
  if (filters.range !== null) return [now - minutes * 60_000, now];
  const to = filters.to ? Date.parse(filters.to) : now;
  return [filters.from ? Date.parse(filters.from) : to - minutes * 60_000, to];
}

/** A search with one more condition; null where the search cannot say it. */
export function withTerm(q: string | undefined, key: string, value: string): string | null {
  if (value.includes('"') || /[\s()="<>!:]/.test(key) || key === '') return null;
  const plain = /^[\w.\-/@+]+$/.test(value) && !value.includes('..');
  return both(q, `${key}=${plain ? value : `"${value}"`}`);
}

/** Both searches hold. */
export function both(q: string | undefined, term: string): string {
  if (!q) return term;
  return /\bOR\b/.test(q) ? `(${q}) ${term}` : `${q} ${term}`;
}

/** Filters a person set, as removable chips show them; the time range is not among them. */
export function activeFilters(filters: Filters): { key: Word | 'errors' | 'min'; value: string }[] {
  const words = WORDS.flatMap((key) => (filters[key] ? [{ key, value: filters[key] }] : []));
  return [
    ...words,
    ...(filters.errors ? [{ key: 'errors' as const, value: 'only' }] : []),
    ...(filters.min ? [{ key: 'min' as const, value: filters.min }] : []),
  ];
}

export function durationNs(text: string): number | null {
  const match = /^(\d{1,6})(ms|s|m|h)$/.exec(text);
  if (!match) return null;
  const unit = { ms: 1e6, s: SECOND, m: MINUTE, h: 60 * MINUTE }[match[2] as 'ms' | 's' | 'm' | 'h'];
  return Number(match[1]) * unit;
}

function instant(text: string | null): string | undefined {
  if (!text) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString();
}

/** Handed over more than once. */
export const TWICE = 'transfers>=2';

/** A search with or without a term. */
export const toggled = (q: string | undefined, term: string): string | undefined => {
  const terms = (q ?? '').split(' ').filter(Boolean);
  const others = terms.filter((one) => one !== term);
  return (others.length < terms.length ? others : [...terms, term]).join(' ') || undefined;
};

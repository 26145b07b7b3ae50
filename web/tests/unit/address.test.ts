import { describe, expect, test } from 'vitest';
import {
  activeFilters,
  analysisQuery,
  apiQuery,
  changed,
  durationNs,
  filterSearch,
  parseFilters,
  rangeOf,
  sharedSearch,
  withFilters,
  withTerm,
} from '../../src/scope/filters';
import { fromLocal, toLocal } from '../../src/scope/local-time';
import { interactionHref, parseRoute, traceHref } from '../../src/routes';
import { parseWindow } from '../../src/trace/window';

describe('routes', () => {
  test.each([
    ['/', { page: 'overview' }],
    ['/stages', { page: 'stage', stage: 'queue' }],
    ['/stages/talk', { page: 'stage', stage: 'talk' }],
    ['/stages/dancing', { page: 'missing', path: '/stages/dancing' }],
    ['/compare', { page: 'compare' }],
    ['/transfers', { page: 'transfers' }],
    ['/alerts', { page: 'alerts', id: '' }],
    ['/alerts/new', { page: 'alerts', id: 'new' }],
    ['/alerts/18f1', { page: 'alerts', id: '18f1' }],
    ['/status', { page: 'status' }],
    ['/interactions', { page: 'interactions' }],
    ['/interactions/', { page: 'interactions' }],
    ['/interactions/c41e', { page: 'interaction', id: 'c41e' }],
    ['/interactions/a%2Fb%3F', { page: 'interaction', id: 'a/b?' }],
    ['/traces/4bf9', { page: 'trace', id: '4bf9' }],
    ['/interactions/%E0%A4%A', { page: 'missing', path: '/interactions/%E0%A4%A' }],
    ['/interactions/a/b', { page: 'missing', path: '/interactions/a/b' }],
    ['/nothing', { page: 'missing', path: '/nothing' }],
  ])('%s', (path, route) => expect(parseRoute(path)).toEqual(route));

  test('addresses of the list from when it was the first page still open it', () => {
    expect(parseRoute('/', '?q=billing').page).toBe('interactions');
    expect(parseRoute('/', '?errors=true').page).toBe('interactions');
    expect(parseRoute('/', '?region=eu-west&range=1h').page).toBe('overview');
  });

  test('any id survives its address', () => {
    for (const id of ['c41e7d90', 'a/b', '<script>', '%', 'ünï', '?#&']) {
      expect(parseRoute(interactionHref(id))).toEqual({ page: 'interaction', id });
      expect(parseRoute(traceHref(id))).toEqual({ page: 'trace', id });
    }
  });
});

describe('filters', () => {
  test('time and the shared filters go along, all else stays behind', () => {
    expect(sharedSearch('?region=eu-west&q=x&errors=true&range=1h&box=1')).toBe('?region=eu-west&range=1h');
    expect(withFilters('?box=1&region=a&range=7d', parseFilters('?region=b'))).toBe('?box=1&region=b');
  });

  test('a condition is added to a search in a way the search can read', () => {
    expect(withTerm(undefined, 'language', 'de')).toBe('language=de');
    expect(withTerm('hold>30s', 'flow.name', 'Billing main')).toBe('hold>30s flow.name="Billing main"');
    expect(withTerm('a OR b', 'x', '7.3')).toBe('(a OR b) x=7.3');
    expect(withTerm(undefined, 'x', '1..3')).toBe('x="1..3"');
    expect(withTerm(undefined, 'x', 'say "hi"')).toBeNull();
    expect(withTerm(undefined, 'a b', 'c')).toBeNull();
  });

  test('the list asks for a version by its search, the analysis by name and never for all time', () => {
    const filters = parseFilters('?version=7.3&q=hold>30s&stage=queue&range=all');
    expect(apiQuery(filters, 0)['q']).toBe('hold>30s service.version=7.3');
    expect(analysisQuery(filters, 864e5)).toMatchObject({
      version: '7.3',
      q: 'hold>30s',
      from: '1970-01-01T00:00:00.000Z',
    });
    expect(analysisQuery(filters, 0)['stage']).toBeUndefined();
    expect(rangeOf(filters, 864e5)).toEqual([0, 864e5]);
    expect(rangeOf(parseFilters('?to=1970-01-03T00:00:00Z'), 0)).toEqual([864e5, 1728e5]);
  });

  test('an address round-trips in its shortest form', () => {
    for (const search of [
      '',
      '?region=eu-west',
      '?region=eu-west&queue=billing&q=4bf9&errors=true&range=1h',
      '?from=2026-11-20T14%3A00%3A00.000Z&to=2026-11-20T15%3A00%3A00.000Z',
    ]) {
      expect(filterSearch(parseFilters(search))).toBe(search);
    }
    expect(filterSearch(parseFilters('?range=24h&errors=false&region='))).toBe('');
  });

  test('what is not understood is dropped', () => {
    expect(filterSearch(parseFilters('?stage=dancing&range=9y&min=long&from=yesterday&unknown=1'))).toBe('');
  });

  test('a relative range and fixed times exclude each other', () => {
    const fixed = parseFilters('?from=2026-11-20T14:00:00Z');
    expect(fixed.range).toBeNull();
    expect(changed(fixed, { range: '1h' }).from).toBeUndefined();
    expect(parseFilters('?range=7d&from=2026-11-20T14:00:00Z').from).toBeUndefined();
  });

  test('the question to the API', () => {
    const now = Date.parse('2026-11-20T15:00:00Z');
    expect(apiQuery(parseFilters('?range=1h&queue=billing&errors=true&min=90s'), now)).toMatchObject({
      from: '2026-11-20T14:00:00.000Z',
      queue: 'billing',
      errors: true,
      min_duration: '90s',
    });
    expect(apiQuery(parseFilters('?range=all'), now)).not.toHaveProperty('from');
  });

  test('one filter is removed without the others', () => {
    const filters = parseFilters('?region=eu-west&agent=a1&q=x');
    expect(filterSearch(changed(filters, { agent: undefined }))).toBe('?region=eu-west&q=x');
    expect(activeFilters(filters).map(({ key }) => key)).toEqual(['region', 'agent', 'q']);
  });

  test('durations', () =>
    expect(['90s', '5m', '150ms', '1h', '5', '-1s', '1d'].map(durationNs)).toEqual([
      90e9,
      300e9,
      150e6,
      3600e9,
      null,
      null,
      null,
    ]));
});

test('a window is read from milliseconds, kept inside the call, and refused when empty', () => {
  expect(parseWindow('22000.000-23000.500', 768e9)).toEqual([22e9, 23.0005e9]);
  expect(parseWindow('700000-900000', 768e9)).toEqual([700e9, 768e9]);
  for (const bad of [null, '', '5-5', '9-3', 'a-b', '-5-3', '900000-910000'])
    expect(parseWindow(bad, 768e9)).toBeNull();
});

test('wall clocks: to a zone and back, also on the day the clock changes', () => {
  expect(toLocal('2026-07-01T12:00:00Z', 'Europe/London')).toBe('2026-07-01T13:00:00');
  expect(fromLocal('2026-07-01T13:00', 'Europe/London')).toBe('2026-07-01T12:00:00.000Z');
  for (const iso of ['2026-03-29T00:59:59.000Z', '2026-03-29T01:00:00.000Z', '2026-10-25T03:00:00.000Z'])
    expect(fromLocal(toLocal(iso, 'Europe/London'), 'Europe/London')).toBe(iso);
  expect(fromLocal('', 'UTC')).toBeUndefined();
});

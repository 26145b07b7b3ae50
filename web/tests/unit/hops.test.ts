import { expect, test } from 'vitest';
import type { HopCell, HopMatrix } from '../../src/api/calls';
import { firstBroken, parseHopQuery, percent, timesOf, verdictOf } from '../../src/hops/hops';

const cell = (sender: string | null, receiver: string, more: Partial<HopCell> = {}): HopCell => ({
  sender,
  receiver,
  n: 10,
  with_parent: 1,
  new_root: 0,
  refused: 0,
  rewritten: 0,
  guessed: 0,
  since_ns: null,
  state: 'ok',
  ...more,
});

test('the first broken hop is the first on the way of a request, not the one that loses the most', () => {
  const lost = { state: 'lost', new_root: 1 } as const;
  const matrix = (cells: HopCell[]) => ({ senders: ['a', 'b', 'c'], receivers: [], cells }) as unknown as HopMatrix;
  expect(firstBroken(matrix([cell(null, 'd', lost), cell('c', 'd', lost), cell('b', 'c', lost)]))?.sender).toBe('b');
  expect(firstBroken(matrix([cell('b', 'c', { state: 'some' }), cell('a', 'b')]))?.sender).toBe('b');
  expect(firstBroken(matrix([cell('a', 'b')]))).toBeNull();
});

test.each([
  [1, '100 %'],
  [0.998, '> 99 %'],
  [0.001, '< 1 %'],
  [0, '0 %'],
  [0.914, '91 %'],
])('%f is %s', (share, words) => expect(percent(share)).toBe(words));

test('a hop in words', () => {
  expect(verdictOf(cell('a', 'b', { new_root: 1 }))).toBe('b starts a new trace in 100 % of requests');
  expect(verdictOf(cell('a', 'b', { new_root: 0.5, refused: 0.5, rewritten: 0.1 }))).toBe(
    'b refuses the context of 50 %, goes on below a span that nobody sent in 10 % of requests',
  );
  expect(verdictOf(cell('a', 'b'))).toBe('Every request reaches b with its parent');
});

test('the address: a fixed time has the word over a relative one', () => {
  const now = Date.UTC(2026, 10, 20, 12);
  expect(timesOf(parseHopQuery(''), now)).toEqual({ from: '2026-11-19T12:00:00.000Z', to: null });
  expect(timesOf(parseHopQuery('?range=all'), now)).toEqual({ from: null, to: null });
  expect(timesOf(parseHopQuery('?range=1h&from=2026-11-01T00:00:00Z'), now).from).toBe('2026-11-01T00:00:00Z');
  expect(parseHopQuery('?to_service=b&from_service=').cell).toEqual({ sender: null, receiver: 'b' });
  expect(parseHopQuery('?range=nonsense').range).toBe('24h');
});

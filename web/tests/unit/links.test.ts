import { expect, test } from 'vitest';

import type { Json, SpanLink } from '../../src/api/types';
import { isAmbiguous, linkWords } from '../../src/trace/links';

const link = (value?: Json): SpanLink => ({
  trace_id: '4bf92f3577f34da6a3ce929d0e0e4736',
  span_id: '00f067aa0ba902b7',
  attributes: value === undefined ? [] : [{ key: 'throughline.link.ambiguous', type: 'bool', value }],
});

test('a link is a guess where it says so, and only there', () => {
  expect([link(), link(true), link(false), link('true')].map(isAmbiguous)).toEqual([false, true, false, false]);
});

test('guesses are counted apart from links', () => {
  for (const [links, words] of [
    [[], ''],
    [[link()], 'span link'],
    [[link(), link()], '2 span links'],
    [[link(true)], 'possible link'],
    [[link(true), link(), link(true)], 'span link, 2 possible links'],
  ] as const) {
    expect(linkWords(links)).toBe(words);
  }
});

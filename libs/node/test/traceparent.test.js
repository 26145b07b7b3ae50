import assert from 'node:assert/strict';
import { test } from 'node:test';

import { conversationParent, formatTraceparent, parseTraceparent, previousTraceLink } from 'throughline-otel';

const TRACE = '4bf92f3577f34da6c19e9222d19e89b8';
const SPAN = 'ccbd124dbdfc3439';
const CONVERSATION = 'c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54';

test('a traceparent is read as the specification says', () => {
  for (const [text, flags] of [
    [`00-${TRACE}-${SPAN}-01`, 1],
    [` \t00-${TRACE}-${SPAN}-00\t`, 0],
    [`00-${TRACE}-${SPAN}-ff`, 3],
    [`cc-${TRACE}-${SPAN}-01`, 1],
    [`cc-${TRACE}-${SPAN}-01-later`, 1],
    [`00-${TRACE}-${SPAN}-01-`, undefined],
    [`00-${TRACE}-${SPAN}-01.`, undefined],
    [`cc-${TRACE}-${SPAN}-01.`, undefined],
    [`ff-${TRACE}-${SPAN}-01`, undefined],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    [`00-${TRACE}-${SPAN}-1`, undefined],
    [`\u00a000-${TRACE}-${SPAN}-01`, undefined],
    ['', undefined],
    [undefined, undefined],
    [[`00-${TRACE}-${SPAN}-01`], undefined],
  ]) {
    assert.equal(parseTraceparent(text)?.traceFlags, flags, String(text));
  }
});

test('what was read is written again as version 00', () => {
  assert.equal(formatTraceparent(parseTraceparent(`cc-${TRACE}-${SPAN}-fb-later`)), `00-${TRACE}-${SPAN}-03`);
});

test('a conversation has a context that everybody can build from its id', () => {
  for (const [id, parent] of [
    [CONVERSATION, '00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01'],
    [CONVERSATION.toUpperCase(), '00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01'],
    ['00000000-0000-0000-9a6d-37c2e10b8f54', '00-00000000000000009a6d37c2e10b8f54-0000000000000001-01'],
    ['00000000-0000-0000-0000-000000000000', undefined],
    ['c41e7d905b2a4f0e9a6d37c2e10b8f54', undefined],
    ['c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f5', undefined],
    ['GENESYS-123456789', undefined],
    [undefined, undefined],
  ]) {
    const made = conversationParent(id);
    assert.equal(made && formatTraceparent(made), parent, id);
  }
});

test('the previous trace is for a link, with its span where that is known', () => {
  for (const [value, traceId, spanId] of [
    [TRACE, TRACE, '0000000000000000'],
    [` ${TRACE} `, TRACE, '0000000000000000'],
    [`00-${TRACE}-${SPAN}-01`, TRACE, SPAN],
    ['0'.repeat(32), undefined, undefined],
    ['nonsense', undefined, undefined],
    [undefined, undefined, undefined],
  ]) {
    const link = previousTraceLink(value);
    assert.equal(link?.context.traceId, traceId, value);
    assert.equal(link?.context.spanId, spanId, value);
  }
});

import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { CLOCKS_TRACE, FOLLOW_ID } from '../fixtures/whole.mjs';

/** What is kept as a picture, light and dark: a name, and an address. A new page is a line here and `npm run baselines`. */
export const PAGES: readonly [name: string, address: string][] = [
  ['overview', '/'],
  ['stage', '/stages/queue?group_by=queue'],
  ['interactions', '/interactions'],
  ['lanes', `/interactions/${CALL_ID}?span=${TRACES[1]}.00000000000000c1`],
  ['waterfall', `/interactions/${CALL_ID}?tab=waterfall&gaps=off`],
  ['ladder', `/interactions/${FOLLOW_ID}?tab=ladder`],
  ['events', `/interactions/${CALL_ID}?tab=events`],
  ['trace', `/traces/${CLOCKS_TRACE}`],
  ['compare', '/compare?a_version=7.2&b_version=7.3'],
  ['transfers', '/transfers'],
  ['hops', '/hops'],
  ['settings', '/settings'],
  ['alerts', '/alerts'],
  ['rule', '/alerts/18f1'],
  ['missing', '/nothing-here'],
];

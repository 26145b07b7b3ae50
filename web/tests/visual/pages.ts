import { BIG_TRACE } from '../../bench/spans.mjs';
import { CALL_ID, TRACES } from '../fixtures/call.mjs';
import { CLOCKS_TRACE, FOLLOW_ID } from '../fixtures/whole.mjs';
import { NOW } from './picture';

/** The last two hours of what took longer than 80 s. */
const BOX = `box=${NOW - 2 * 3_600_000}-${NOW},80000-`;

/** Of the comparison that led to the call. */
const NEW = 'crm-gateway+SELECT+open_invoices%0Acrm-gateway+UPDATE+note';

export interface Look {
  /** Opens a dialog. */
  keys?: string;
  width?: number;
  /** What is there last. */
  last?: string;
  /** A rule fires; the bar says so. */
  firing?: true;
}

const DIFFERS: Look = { last: '.diff[aria-busy=false] li' };

/** What is kept as a picture, light and dark: a name, and an address. A new page is a line here and `npm run baselines`. */
export const PAGES: readonly [name: string, address: string, look?: Look][] = [
  ['overview', '/', { firing: true }],
  ['overview-box', `/?${BOX}`, { ...DIFFERS, firing: true }],
  ['overview-narrow', '/', { width: 1024, firing: true }],
  ['stage', '/stages/queue'],
  ['stage-box', `/stages/queue?${BOX}`, DIFFERS],
  ['stage-table', '/stages/queue?heat-as=table'],
  ['interactions', '/interactions'],
  ['lanes', `/interactions/${CALL_ID}?span=${TRACES[1]}.00000000000000c1`],
  ['waterfall', `/interactions/${CALL_ID}?tab=waterfall&gaps=off`],
  ['waterfall-new', `/interactions/${CALL_ID}?tab=waterfall&span=${TRACES[1]}.00000000000000c1&new=${NEW}`],
  ['ladder', `/interactions/${FOLLOW_ID}?tab=ladder`],
  ['events', `/interactions/${CALL_ID}?tab=events`],
  ['trace', `/traces/${CLOCKS_TRACE}`],
  ['crowd', `/traces/${BIG_TRACE}`],
  ['compare', '/compare?a_version=7.2&b_version=7.3'],
  ['transfers', '/transfers'],
  ['hops', '/hops'],
  ['settings', '/settings'],
  ['alerts', '/alerts', { firing: true }],
  ['rule', '/alerts/18f1', { firing: true }],
  ['missing', '/nothing-here'],
  ['palette', '/nothing-here', { keys: 'Control+k' }],
  ['help', '/nothing-here', { keys: '?' }],
];

/** What a page looks like when it is not full: `held` answers never come, `failing` ones are refusals. */
export interface State {
  centre?: 'empty' | 'guarded';
  answers?: 'held' | 'failing';
  /** Is there when the state is. */
  sign: string;
}

export const STATES: readonly [name: string, address: string, how: State][] = [
  ['overview-loading', '/', { answers: 'held', sign: 'text=Loading the overview' }],
  ['overview-failing', '/', { answers: 'failing', sign: 'role=alert' }],
  ['overview-empty', '/', { centre: 'empty', sign: 'text=throughline answers' }],
  ['stage-loading', '/stages/queue', { answers: 'held', sign: 'text=Loading Queue' }],
  ['stage-empty', '/stages/queue', { centre: 'empty', sign: 'text=Nothing in this time.' }],
  ['interactions-loading', '/interactions', { answers: 'held', sign: 'tbody tr[aria-hidden]' }],
  ['interactions-failing', '/interactions', { answers: 'failing', sign: 'role=alert' }],
  ['interactions-none', '/interactions?q=nothing-has-this-name', { sign: 'text=No interaction fits' }],
  ['interactions-empty', '/interactions', { centre: 'empty', sign: 'text=No interactions yet' }],
  ['call-loading', `/interactions/${CALL_ID}`, { answers: 'held', sign: 'text=Loading interaction' }],
  ['call-unknown', '/interactions/nope', { sign: 'role=alert' }],
  ['call-running', '/interactions/0a51f3b2-6d0e-4c3b-9f41-2f6f0f6f6a10', { sign: '[role=row] .run' }],
  ['hops-loading', '/hops', { answers: 'held', sign: 'text=Loading the requests' }],
  ['settings-loading', '/settings', { answers: 'held', sign: 'text=Loading the settings' }],
  ['compare-empty', '/compare', { centre: 'empty', sign: 'text=not enough data' }],
  ['transfers-empty', '/transfers', { centre: 'empty', sign: 'text=No call was handed over' }],
  ['alerts-empty', '/alerts', { centre: 'empty', sign: 'text=No rules yet' }],
  ['rule-new', '/alerts/new?stage=queue&region=eu-west', { sign: 'text=Would have fired' }],
  ['status', '/status', { sign: 'text=200/s in' }],
  ['sign-in', '/', { centre: 'guarded', sign: 'text=Sign in' }],
];

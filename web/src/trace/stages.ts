import { STAGES, type Span, type Stage } from '../api/types';

/** A fill of the colour scale: one per stage, one slate ramp for the work below, and none for what is around stages. */
export type Tone = Stage | 'call' | 'http' | 'crm' | 'db';

const NAMES: Record<Tone, string> = {
  setup: 'Set-up',
  ivr: 'IVR',
  action: 'Data Action',
  queue: 'Queue',
  alert: 'Ring',
  talk: 'Talk',
  hold: 'Hold',
  park: 'Park',
  consult: 'Consult',
  transfer: 'Transfer',
  voicemail: 'Voicemail',
  wrapup: 'Wrap-up',
  call: 'Call',
  http: 'HTTP',
  crm: 'CRM',
  db: 'DB',
};

/** The caller waits in these; everything else is somebody or something working for the caller. */
const WAITING: readonly string[] = ['queue', 'alert', 'hold', 'park'];
const WORKING: readonly string[] = ['talk', 'consult', 'wrapup'];
/** Stages without the caller on the line. */
const OFF_LINE: readonly string[] = ['wrapup', 'consult'];

export const isStage = (tone: string): tone is Stage => (STAGES as readonly string[]).includes(tone);

export const toneName = (tone: Tone): string => NAMES[tone] ?? tone;
export const toneClass = (tone: Tone): string => `${isStage(tone) ? 'st' : 'sv'}-${tone}${isWait(tone) ? ' wait' : ''}`;
/** Its colour without the hatching of a wait. */
export const hueClass = (tone: Tone): string => toneClass(tone).replace(' wait', '');
export const isWait = (tone: string): boolean => WAITING.includes(tone);
export const isWork = (tone: string): boolean => WORKING.includes(tone);
export const hasCaller = (stage: string): boolean => !OFF_LINE.includes(stage);
/** Nobody is on a line there. */
export const isWritten = (channel: string | null): boolean =>
  channel !== null && ['chat', 'message', 'email'].includes(channel);
export const knownStage = (stage: string | null): Stage | null => (stage !== null && isStage(stage) ? stage : null);

const QUERY = new Set(['db.system', 'db.system.name', 'db.statement', 'db.query.text']);

export const isQuery = (span: Span): boolean => span.attributes.some(({ key }) => QUERY.has(key));

/** What an application span is: a query, or the first or a later service behind the stage. */
export function workTone(span: Span, servicesAbove: number): Tone {
  if (isQuery(span)) return 'db';
  return servicesAbove > 0 || /(^|[^a-z])crm([^a-z]|$)/i.test(span.service) ? 'crm' : 'http';
}

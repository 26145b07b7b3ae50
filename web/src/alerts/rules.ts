/** A rule <-> the address of its form, and what it says to a person. Pure. */

import { MEASURES, type Measure, type Spec, type Watched } from '../api/alerts';
import { STAGES, type Stage } from '../api/types';
import { formatShare, shortDuration } from '../charts/scale';
import { durationNs, type Filters } from '../scope/filters';
import { formatCount, formatDuration, SECOND } from '../time';
import { toneName } from '../trace/stages';

export const MEASURE_NAMES: Record<Measure, string> = {
  p50: 'p50',
  p95: 'p95',
  p99: 'p99',
  service_level: 'service level',
  failures: 'share of failures',
  count: 'number',
};
/** Which calls a rule is about; what a rule has beyond these stays as it is. */
export const ONLY = ['region', 'queue', 'channel', 'version', 'q'] as const;
const OTHERS = ['outcome', 'agent', 'service'] as const;

const isShare = (measure: Measure) => measure === 'service_level' || measure === 'failures';
const USUAL: Record<Measure, number> = { p50: 60, p95: 120, p99: 300, service_level: 0.8, failures: 0.05, count: 100 };

/** `2m`, `900ms`; `0.8` and `80 %` for shares. Null where it is none of these. */
export function parseThreshold(measure: Measure, text: string): number | null {
  const plain = text.replace(/\s/g, '');
  if (measure !== 'count' && !isShare(measure)) {
    const ns = durationNs(plain);
    if (ns !== null) return ns / SECOND;
  }
  const percent = isShare(measure) && plain.endsWith('%');
  const number = plain === '' || plain === '%' ? NaN : Number(percent ? plain.slice(0, -1) : plain);
  return Number.isFinite(number) && number >= 0 ? number / (percent ? 100 : 1) : null;
}

export function sayValue(measure: Measure, value: number | null): string {
  if (value === null) return '–';
  if (isShare(measure)) return formatShare(value);
  return measure === 'count' ? formatCount(value) : formatDuration(value * SECOND);
}

/** The threshold is a round number: no more digits than it has. */
export const sayThreshold = ({ measure, threshold }: Spec): string =>
  measure === 'count' || isShare(measure) ? sayValue(measure, threshold) : shortDuration(threshold * SECOND);

/** A duration as it is written in a rule, said as all others are: `1m30s` is `1 m 30 s`. */
export const spaced = (written: string): string => written.replace(/(?<=\d)(?=[a-z])|(?<=[a-z])(?=\d)/g, ' ');

/** As a person would write it into the form. */
export function writeThreshold(measure: Measure, value: number): string {
  if (isShare(measure)) return `${Number((value * 100).toFixed(2))} %`;
  if (measure === 'count') return String(value);
  if (value < 1) return `${Math.round(value * 1000)}ms`;
  return value % 60 === 0 ? `${value / 60}m` : `${Math.round(value)}s`;
}

/** `Queue p95 above 2 m, eu-west`: the condition in words. */
export function sayCondition(spec: Spec): string {
  const { stage, measure, within, op, where } = spec;
  const only = Object.values(where).join(', ');
  const what = within ? `answered in ${spaced(within)}` : MEASURE_NAMES[measure];
  return `${toneName(stage)} ${what} ${op} ${sayThreshold(spec)}${only && `, ${only}`}`;
}

/** A form as its address has it, on the rule that is kept; what cannot be read is left as it was. */
export function readDraft(search: string, kept: Spec | null): Spec {
  const params = new URLSearchParams(search);
  const text = (name: string, otherwise: string) => params.get(name) ?? otherwise;
  const one = <T extends string>(name: string, all: readonly T[], otherwise: T): T =>
    all.find((each) => each === params.get(name)) ?? otherwise;
  const stage = one<Stage>('stage', STAGES, kept?.stage ?? 'queue');
  const measure = one('measure', MEASURES, kept?.measure ?? 'p95');
  const moved = kept !== null && isShare(measure) !== isShare(kept.measure);
  const usual = kept && !moved ? kept.threshold : USUAL[measure];
  const where: Spec['where'] = { ...kept?.where };
  for (const name of [...ONLY, ...OTHERS]) {
    const value = params.get(name);
    if (value) where[name] = value;
    else if (value === '') delete where[name];
  }
  const min = params.get('min');
  if (min && durationNs(min) !== null) where['min_duration'] = min;
  if (params.get('errors') === 'true') where['errors'] = true;
  const only = [where['region'], where['queue']].filter(Boolean).join(', ');
  const receivers = params.get('receivers');
  return {
    name: text('name', kept?.name ?? `${toneName(stage)} ${MEASURE_NAMES[measure]}${only && ` in ${only}`}`),
    stage,
    measure,
    ...(measure === 'service_level' && { within: text('within', kept?.within ?? '20s') }),
    op: one('op', ['above', 'below'] as const, kept?.op ?? (measure === 'service_level' ? 'below' : 'above')),
    threshold: parseThreshold(measure, params.get('threshold') ?? '') ?? usual,
    where,
    window: text('window', kept?.window ?? '15m'),
    for: text('for', kept?.for ?? '5m'),
    keep_firing_for: text('keep_firing_for', kept?.keep_firing_for ?? '5m'),
    min_count: Number(params.get('min_count') ?? kept?.min_count ?? 20) || 1,
    severity: one('severity', ['info', 'warning', 'critical'] as const, kept?.severity ?? 'warning'),
    receivers: receivers === null ? (kept?.receivers ?? []) : receivers.split(',').filter(Boolean),
    note: text('note', kept?.note ?? ''),
    links: kept?.links ?? [],
    enabled: params.has('enabled') ? params.get('enabled') === 'true' : (kept?.enabled ?? true),
  };
}

/** Where the bell of a chart leads: a rule for what the chart shows. */
export function bellHref(
  filters: Filters,
  rule: { stage: Stage; measure: Measure; threshold?: number | null; within?: string | undefined },
): string {
  const params = new URLSearchParams({ stage: rule.stage, measure: rule.measure });
  for (const name of [...ONLY, ...OTHERS]) if (filters[name]) params.set(name, filters[name]);
  if (filters.min) params.set('min', filters.min);
  if (filters.errors) params.set('errors', 'true');
  if (rule.threshold != null) params.set('threshold', writeThreshold(rule.measure, rule.threshold));
  if (rule.within) params.set('within', rule.within);
  return `/alerts/new?${params}`;
}

export const STATES = {
  firing: { icon: 'bad', tone: 'bad' },
  pending: { icon: 'warn', tone: 'warn' },
  'not enough data': { icon: 'flat', tone: '' },
  failed: { icon: 'warn', tone: 'warn' },
  off: { icon: 'flat', tone: '' },
  well: { icon: 'ok', tone: 'ok' },
} as const;

export function stateOf({ rule, standing, error }: Watched): keyof typeof STATES {
  if (!rule.spec.enabled) return 'off';
  if (standing.phase !== 'inactive') return standing.phase;
  if (error) return 'failed';
  return standing.enough ? 'well' : 'not enough data';
}

const ORDER = Object.keys(STATES);
export const byState = (a: Watched, b: Watched): number => ORDER.indexOf(stateOf(a)) - ORDER.indexOf(stateOf(b));

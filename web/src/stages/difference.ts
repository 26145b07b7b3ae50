import type { Difference, ExampleSpan, GroupBy } from '../api/types';
import { interactionHref, traceHref } from '../routes';
import { both, changed, withTerm, type Filters } from '../scope/filters';

const NAMES: Record<string, 'queue' | 'region' | 'channel' | 'agent' | 'outcome' | 'service' | 'version'> = {
  'interaction.queue.name': 'queue',
  'interaction.region': 'region',
  'cloud.region': 'region',
  'interaction.channel': 'channel',
  'interaction.agent.id': 'agent',
  'interaction.outcome': 'outcome',
  'service.name': 'service',
  'service.version': 'version',
};

/** No attribute of a span: counted, and searched for by number. */
const ALERTS = 'interaction.alerts';

/** What people call an attribute. */
export const keyName = ({ service, key }: Pick<Difference, 'service' | 'key'>): string =>
  service === null ? (NAMES[key] ?? key) : `${service} ${NAMES[key] ?? key}`;

/** The filters with this value among them; null where no filter can say it. */
export function filtersWith(filters: Filters, { service, key, value }: Difference): Filters | null {
  const word = NAMES[key] ?? (Object.values(NAMES).find((one) => one === key) as GroupBy | undefined);
  if (word && word !== 'operation' && (service === null || word === 'version'))
    return changed(filters, { [word]: value });
  const q =
    key === ALERTS ? both(filters.q, value === '1' ? 'alerts=1' : 'alerts>=2') : withTerm(filters.q, key, value);
  return q === null ? null : changed(filters, { q });
}

/** The filters for one line of the groups; null where no filter can say it. */
export function filtersOfGroup(filters: Filters, by: GroupBy, value: string | null): Filters | null {
  return value === null || by === 'operation' ? null : changed(filters, { [by]: value });
}

/** The span itself, in its interaction where it has one. */
type Pointed = Pick<ExampleSpan, 'interaction_id' | 'trace_id' | 'span_id'>;
export const exampleHref = ({ interaction_id, trace_id, span_id }: Pointed): string =>
  interaction_id === null
    ? traceHref(trace_id, `${trace_id}.${span_id}`)
    : interactionHref(interaction_id, `${trace_id}.${span_id}`);

import type { Attribute, Json, Span } from '../api/types';

/** One line of text for any attribute value. */
export function attributeText({ type, value }: Attribute): string {
  if (type === 'empty' || value === null) return '(empty)';
  return typeof value === 'string' ? value : compact(value);
}

/** A string attribute of the span, else of its resource. */
export function lookUp(span: Span, key: string): string | null {
  const found = span.attributes.find((one) => one.key === key) ?? span.resource.find((one) => one.key === key);
  return typeof found?.value === 'string' && found.value ? found.value : null;
}

/** Names of agents by their ids, from spans that have both. */
export function agentNames(spans: readonly Span[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const span of spans) {
    const [id, name] = [lookUp(span, 'interaction.agent.id'), lookUp(span, 'user.full_name')];
    if (id !== null && name !== null) names.set(id, name);
  }
  return names;
}

/** The flow that a span of the IVR ran. */
export const flowOf = (span: Span): string | null => lookUp(span, 'genesys_cloud.flow.name');

const compact = (value: Json): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

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

const compact = (value: Json): string => (typeof value === 'object' ? JSON.stringify(value) : String(value));

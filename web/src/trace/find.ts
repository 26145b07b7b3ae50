import { attributeText } from './attributes';
import type { Node } from './model';

/** The spans of some kinds, a line each: a stage, or a service and an operation. */
export function newSpans(nodes: readonly Node[], kinds: string): Set<Node> {
  const wanted = new Set(kinds.split('\n'));
  return new Set(nodes.filter(({ stage, span }) => wanted.has(stage ?? `${span.service} ${span.name}`)));
}

/** The spans that hold some words in their name, service, ids, message or attributes; in drawing order. */
export function findSpans(nodes: readonly Node[], words: string): Node[] {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return [];
  const has = (text: string) => text.toLowerCase().includes(wanted);
  return nodes.filter(
    ({ span }) =>
      has(span.name) ||
      has(span.service) ||
      has(span.status.message) ||
      span.span_id === wanted ||
      span.trace_id === wanted ||
      span.attributes.some((one) => has(one.key) || has(attributeText(one))),
  );
}

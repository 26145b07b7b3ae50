/** Everything that spans say happened at a moment, in the order of time. */

import { parseNanos } from '../time';
import type { Attribute } from '../api/types';
import { attributeText } from './attributes';
import type { Model, Node } from './model';

export interface Happening {
  key: string;
  kind: 'event' | 'error' | 'link';
  time: number;
  name: string;
  attributes: readonly Attribute[];
  node: Node;
  /** All of it in small letters, for the filter. */
  haystack: string;
}

/** Values longer than this are looked through, but not all of them. */
const LOOKED_AT = 2000;

export function happenings({ nodes, startNs }: Model): Happening[] {
  const all = nodes.flatMap((node): Happening[] => {
    const { span } = node;
    const own = span.events.map(({ time_ns, name, attributes }, index) =>
      made(node, 'event', index, Number(parseNanos(time_ns) - startNs), name || '(no name)', attributes),
    );
    const links = span.links.map((link, index) =>
      made(
        node,
        'link',
        index,
        node.start,
        `link to ${link.trace_id.slice(0, 8)}…${link.span_id.slice(-6)}`,
        link.attributes,
      ),
    );
    const error =
      span.status.code === 'error' ? [made(node, 'error', 0, node.end, span.status.message || 'error', [])] : [];
    return [...own, ...links, ...error];
  });
  return all.sort((a, b) => a.time - b.time);
}

export function filtered(all: readonly Happening[], words: string): readonly Happening[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return wanted.length === 0 ? all : all.filter(({ haystack }) => wanted.every((word) => haystack.includes(word)));
}

function made(
  node: Node,
  kind: Happening['kind'],
  index: number,
  time: number,
  name: string,
  attributes: readonly Attribute[],
): Happening {
  const told = attributes.map((one) => `${one.key} ${attributeText(one).slice(0, LOOKED_AT)}`).join(' ');
  return {
    key: `${node.key}.${kind}${index}`,
    kind,
    time,
    name,
    attributes,
    node,
    haystack: `${kind} ${name} ${node.span.name} ${node.span.service} ${told}`.toLowerCase(),
  };
}

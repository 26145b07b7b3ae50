import { formatIso, parseNanos } from '../time';
import { callerOf, type Cause } from './cause';
import { headersSeen, verdictWords, type HeaderSeen } from './headers';
import type { Node } from './model';

/** What the other team needs to find the fault; plain text for a ticket. */
export function copyBlock(node: Node, cause: Cause): string {
  const caller = callerOf(node);
  const { span } = node;
  const at = (one: Node) =>
    `${one.span.service}  ${one.span.name}  ${formatIso(parseNanos(one.span.start_ns))}\n           trace ${one.span.trace_id}  span ${one.span.span_id}`;
  const lines = [
    `Trace context ${cause.hop ? `is lost between ${cause.hop.from} and ${cause.hop.to}` : `problem at ${span.service}`}: ${cause.short}`,
    '',
    ...(caller ? [`sent by    ${at(caller)}`] : []),
    `served by  ${at(node)}`,
    '',
    ...headersSeen(caller, node).map(headerLine),
    '',
    cause.long,
    ...(cause.mend ? [`What to do: ${cause.mend}`] : []),
  ];
  return lines.join('\n');
}

function headerLine({ name, sent, received, verdict, derived }: HeaderSeen): string {
  return `${name}: sent ${sent ?? 'not recorded'}; received ${received ?? verdictWords(verdict)}${derived ? ' (by the ids of the spans)' : ''}`;
}

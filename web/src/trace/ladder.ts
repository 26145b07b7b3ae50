/** Who said what to whom, in the order of time: a column for each element, an arrow for each message. */

import type { IconName } from '../ui/icons';
import type { Span } from '../api/types';
import { attributeText, lookUp } from './attributes';
import { callerOf } from './cause';
import { isError, type Model, type Node } from './model';
import { parseNanos } from '../time';
import { isQuery, toneName } from './stages';

export type ElementKind = 'caller' | 'trunk' | 'edge' | 'far' | 'ivr' | 'service' | 'store' | 'queue' | 'agent';

export interface Element {
  key: string;
  kind: ElementKind;
  name: string;
  icon: IconName;
}

export interface Message {
  /** Stays the same from one answer to the next. */
  key: string;
  kind: 'request' | 'response' | 'move' | 'sip';
  /** Nanoseconds since the first span. */
  time: number;
  from: number;
  to: number;
  label: string;
  /** What a click shows. */
  node: Node;
  error: boolean;
  /** The context did not get here. */
  lost: boolean;
  /** SIP: which context headers came in and went out at this element. */
  sip: SipHeaders | null;
}

export interface SipHeaders {
  seen: string[];
  sent: string[];
  /** Whether the trace that came is the one of the call. */
  trace: 'same' | 'other' | 'absent' | '';
}

export interface Ladder {
  elements: Element[];
  messages: Message[];
}

const ORDER: readonly ElementKind[] = ['caller', 'trunk', 'edge', 'far', 'ivr', 'service', 'store', 'queue', 'agent'];
const ICONS: Record<ElementKind, IconName> = {
  caller: 'caller',
  trunk: 'link',
  edge: 'path',
  far: 'link',
  ivr: 'ivr',
  service: 'right',
  store: 'empty',
  queue: 'queue',
  agent: 'agent',
};

/** Of what happens in one moment, what was said comes before what follows from it. */
const FIRST: readonly Message['kind'][] = ['sip', 'response', 'move', 'request'];

interface Draft extends Omit<Message, 'from' | 'to'> {
  from: string;
  to: string;
}

export function ladderOf(model: Model): Ladder {
  const cast = new Cast(model);
  const drafts: Draft[] = [...moves(model, cast), ...calls(model, cast), ...sipMessages(model, cast)];
  drafts.sort((a, b) => a.time - b.time || FIRST.indexOf(a.kind) - FIRST.indexOf(b.kind));
  const elements = cast.inOrder(drafts);
  const column = new Map(elements.map(({ key }, index) => [key, index]));
  return {
    elements,
    messages: drafts.map((draft) => ({
      ...draft,
      from: column.get(draft.from) ?? 0,
      to: column.get(draft.to) ?? 0,
    })),
  };
}

/** Who takes part. */
class Cast {
  readonly #known = new Map<string, Element & { first: number }>();
  readonly #platform: ReadonlySet<string>;
  readonly #agents: ReadonlyMap<string, string>;

  constructor({ nodes, agents }: Model) {
    this.#platform = new Set(nodes.filter(({ stage }) => stage === 'ivr').map(({ span }) => span.service));
    this.#agents = agents;
  }

  add(kind: ElementKind, name: string): string {
    const key = `${kind}.${name}`;
    if (!this.#known.has(key)) this.#known.set(key, { key, kind, name, icon: ICONS[kind], first: this.#known.size });
    return key;
  }

  isEdge = (key: string): boolean => this.#known.get(key)?.kind === 'edge';

  caller = (): string => this.add('caller', 'Caller');

  /** Where a span happened. */
  of({ span, stage }: Node): string {
    const agent = stage ? lookUp(span, 'interaction.agent.id') : null;
    if (stage === 'queue') return this.add('queue', lookUp(span, 'interaction.queue.name') ?? 'Queue');
    if (agent !== null && stage !== 'setup') return this.add('agent', this.#agents.get(agent) ?? agent);
    if (stage === 'ivr' || (this.#platform.has(span.service) && !isSip(span.attributes))) return this.add('ivr', 'IVR');
    if (isSip(span.attributes) || stage === 'setup' || stage === 'transfer') return this.add('edge', span.service);
    return this.add('service', span.service);
  }

  /** Whom a call without an answering span went to. */
  beyond({ span }: Node): string | null {
    if (isQuery(span)) {
      const system = lookUp(span, 'db.system.name') ?? lookUp(span, 'db.system') ?? 'database';
      const name = lookUp(span, 'db.namespace') ?? lookUp(span, 'db.name');
      return this.add('store', name ? `${system} ${name}` : system);
    }
    const other =
      lookUp(span, 'peer.service') ?? lookUp(span, 'server.address') ?? lookUp(span, 'messaging.destination.name');
    return other === null || other === span.service ? null : this.add('service', other);
  }

  /** Both ends of a call at the edge: a trunk stands in one column, whichever way its messages go. */
  sidesOf({ span }: Node) {
    const trunk = (kind: 'trunk' | 'far', name: string): string => {
      const other = `${kind === 'far' ? 'trunk' : 'far'}.${name}`;
      return this.#known.has(other) ? other : this.add(kind, name);
    };
    const [near, far] = [lookUp(span, 'sip.trunk.from') ?? '', lookUp(span, 'sip.trunk.to') ?? ''];
    const ofCaller = () => (near ? trunk('trunk', near) : this.caller());
    const ofCallee = () => trunk('far', far || (lookUp(span, 'server.address') ?? 'Called'));
    return {
      /** Where a message came from and where it went; who has no trunk is at the end that the other is not at. */
      ends: (from: string, to: string, isAnswer: boolean): [string, string] => {
        const back = near === far ? isAnswer : from ? from === far : to ? to === near : isAnswer;
        const end = (name: string, called: boolean): string => {
          if (name === '' || name === (called ? far : near)) return called ? ofCallee() : ofCaller();
          return trunk(called ? 'far' : 'trunk', name);
        };
        return [end(from, back), end(to, !back)];
      },
    };
  }

  inOrder(drafts: readonly Draft[]): Element[] {
    const used = new Set(drafts.flatMap(({ from, to }) => [from, to]));
    return [...this.#known.values()]
      .filter(({ key }) => used.has(key))
      .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || a.first - b.first)
      .map(({ key, kind, name, icon }) => ({ key, kind, name, icon }));
  }
}

const marksOf = ({ events }: Span) => events.filter(({ name }) => name === 'sip.context');
const isSip = (attributes: readonly { key: string }[]) => attributes.some(({ key }) => key.startsWith('sip.'));

/** How the call went from one to the next. */
function moves({ nodes }: Model, cast: Cast): Draft[] {
  const stages = nodes
    .filter(({ stage }) => stage && stage !== 'action' && stage !== 'wrapup' && stage !== 'hold' && stage !== 'park')
    .sort((a, b) => a.start - b.start || b.duration - a.duration);
  const edges = new Set(nodes.filter(({ span }) => marksOf(span).length > 0).map(({ span }) => span.service));
  const found: Draft[] = [];
  let at = cast.caller();
  for (const node of stages) {
    const to = cast.of(node);
    // What comes to an edge is told by its messages.
    if (to !== at && !(cast.isEdge(to) && edges.has(node.span.service)))
      found.push(
        draft(node, 'move', node.start, at, to, node.stage === 'setup' ? node.span.name : toneName(node.tone)),
      );
    if (node.stage !== 'consult') at = to;
  }
  return found;
}

/** Requests between services, and their answers. */
function calls({ nodes }: Model, cast: Cast): Draft[] {
  const answered = new Set(nodes.filter((node) => callerOf(node)).map(({ parent }) => parent));
  return nodes.flatMap((node): Draft[] => {
    const { span, parent, start, end } = node;
    const asks = span.kind === 'client' || span.kind === 'producer';
    if (asks && !answered.has(node)) {
      const [from, to] = [cast.of(node), cast.beyond(node)];
      return to === null || from === to ? [] : exchange(node, start, end, from, to, span.name);
    }
    if (!parent || parent.span.service === span.service || (node.stage && node.stage !== 'action')) return [];
    const caller = callerOf(node);
    const [from, to] = [cast.of(parent), cast.of(node)];
    if (from === to) return [];
    const ask = caller?.start ?? start;
    return exchange(node, Math.min(ask, start), caller ? Math.max(caller.end, end) : end, from, to, span.name);
  });
}

function exchange(node: Node, start: number, end: number, from: string, to: string, name: string): Draft[] {
  const { span } = node;
  const status = lookUpAny(node, 'http.response.status_code') ?? lookUpAny(node, 'rpc.grpc.status_code');
  const answer = [status, isError(node) ? span.status.message || 'error' : ''].filter(Boolean).join(' ');
  const asked = draft(node, 'request', start, from, to, name);
  if (!span.finished || span.kind === 'producer' || span.kind === 'consumer') return [asked];
  return [asked, draft(node, 'response', end, to, from, answer || 'answer')];
}

function lookUpAny({ span }: Node, key: string): string | null {
  const found = span.attributes.find((one) => one.key === key);
  return found ? attributeText(found) : null;
}

/** What the SIP edge saw of each message, and what it sent on. Trunks are named in the direction of the message. */
function sipMessages({ nodes, startNs }: Model, cast: Cast): Draft[] {
  return nodes.flatMap((node) => {
    const marks = marksOf(node.span);
    if (marks.length === 0) return [];
    const edge = cast.add('edge', node.span.service);
    const sides = cast.sidesOf(node);
    return marks.flatMap(({ time_ns, attributes }, index): Draft[] => {
      const value = (key: string) => {
        const one = attributes.find((attribute) => attribute.key === key);
        return one ? attributeText(one) : '';
      };
      const [method, status] = [value('sip.request.method'), value('sip.response.status_code')];
      const list = (key: string) =>
        value(key)
          .split(',')
          .map((one) => one.trim())
          .filter(Boolean);
      const sip: SipHeaders = {
        seen: list('sip.context.seen'),
        sent: list('sip.context.sent'),
        trace: traceWord(value('sip.context.trace')),
      };
      const [from, to] = sides.ends(value('sip.trunk.from'), value('sip.trunk.to'), status !== '');
      const time = Number(parseNanos(time_ns) - startNs);
      const of = (part: 'in' | 'out', a: string, b: string): Draft => ({
        ...draft(node, 'sip', time, a, b, status ? `${status} (${method})` : method),
        key: `${node.key}.sip${index}${part}`,
        sip,
        // Any carrier of a context is one; of those that follow within the call nobody expects it.
        lost: part === 'in' && method === 'INVITE' && !status && sip.trace === 'absent' && sip.seen.length === 0,
      });
      return [of('in', from, edge), of('out', edge, to)];
    });
  });
}

const traceWord = (word: string): SipHeaders['trace'] =>
  word === 'same' || word === 'other' || word === 'absent' ? word : '';

function draft(node: Node, kind: Message['kind'], time: number, from: string, to: string, label: string): Draft {
  const lost = kind === 'request' && (node.placement === 'rejoined' || node.placement === 'orphan');
  return {
    key: `${node.key}.${kind}`,
    kind,
    time,
    from,
    to,
    label,
    node,
    error: kind === 'response' && isError(node),
    lost,
    sip: null,
  };
}

/** Who had the call when: caller, IVR with the work below it, queues, agents. */

import { formatCoarse, formatDuration } from '../time';
import type { IconName } from '../ui/icons';
import { flowOf, lookUp } from './attributes';
import { WORK } from './axis';
import type { Model, Node } from './model';
import { hasCaller, isWritten, toneName, type Tone } from './stages';

export interface Lane {
  kind: 'caller' | 'ivr' | 'work' | 'queue' | 'agent';
  icon: IconName;
  name: string;
  detail: string;
  /** 0 is a participant; above that, work below the IVR. */
  level: number;
  tone: Tone;
  /** In order of their start. */
  nodes: readonly Node[];
  /** Labels of a bar from the fullest to the shortest; asked for only where it is wide enough for one. */
  say: (node: Node) => string[];
  /** Time in the call, in nanoseconds. */
  total: number;
}

const WORK_NAMES: Partial<Record<Tone, string>> = {
  action: 'Data Action',
  http: 'HTTP',
  crm: 'CRM',
  db: 'SQL',
};

export function lanesOf({ nodes, agents }: Model): Lane[] {
  const stages = nodes.filter(({ stage }) => stage);
  if (stages.length === 0) return [];
  const of = (...wanted: string[]) => stages.filter(({ stage }) => stage && wanted.includes(stage));
  const caller = stages.filter(({ stage }) => stage && stage !== 'action' && hasCaller(stage));
  const ivr = of('ivr');
  const flows = new Set(ivr.map(({ span }) => flowOf(span) ?? span.name));
  const written = stages.some(({ span }) => isWritten(lookUp(span, 'interaction.channel')));
  const customer = lane('caller', written ? 'message' : 'caller', written ? 'Customer' : 'Caller', '', caller);
  const parked = of('park');
  const inQueue = parked.filter(({ span }) => lookUp(span, 'interaction.agent.id') === null);
  const withAgent = parked.filter((node) => !inQueue.includes(node));
  const agentStages = of('alert', 'talk', 'hold', 'consult', 'transfer', 'wrapup', 'voicemail');
  return [
    ...customer,
    ...lane('ivr', 'ivr', 'IVR', [...flows].join(', '), ivr),
    ...workLanes(nodes),
    ...grouped([...of('queue'), ...inQueue], 'interaction.queue.name', 'queue', 'Queue'),
    ...grouped([...agentStages, ...withAgent], 'interaction.agent.id', 'agent', 'Agent', agents),
  ];
}

/** Data Actions and what they call, one lane a layer. A call's own client and server side are one bar: the outer one. */
function workLanes(nodes: readonly Node[]): Lane[] {
  const layers = new Map<Tone, Node[]>(WORK.map((tone) => [tone, []]));
  /** For each span in the IVR, the layers it lies in, a bit each; parents come first. */
  const within = new Map<Node, number>();
  for (const node of nodes) {
    const around = node.parent && (node.parent.stage === 'ivr' ? 0 : within.get(node.parent));
    if (node.stage !== 'action' && (node.stage || typeof around !== 'number')) continue;
    const [known, own] = [around ?? 0, 1 << (WORK.indexOf(node.tone) + 1)];
    if ((known & own) === 0) layers.get(node.tone)?.push(node);
    within.set(node, known | own);
  }
  const used = [...layers].filter(([, found]) => found.length > 0);
  return used.map(([tone, found], index) => ({
    ...made('work', 'ivr', WORK_NAMES[tone] ?? toneName(tone), services(found), found, (node) =>
      workLabels(node, tone),
    ),
    level: index + 1,
    tone,
  }));
}

function workLabels({ span, stage, duration }: Node, tone: Tone): string[] {
  return [`${stage ? toneName(tone) : span.name} ${formatDuration(duration)}`, span.name];
}

function services(found: readonly Node[]): string {
  const names = new Set(found.map(({ span }) => span.service));
  return names.size > 1 ? `${names.size} services` : ([...names][0] ?? '');
}

function grouped(
  found: readonly Node[],
  key: string,
  kind: 'queue' | 'agent',
  name: string,
  names: ReadonlyMap<string, string> = new Map(),
): Lane[] {
  const groups = new Map<string, Node[]>();
  for (const node of found) {
    const owner = lookUp(node.span, key);
    if (owner === null && kind === 'agent' && !isAgents(node)) continue;
    const same = groups.get(owner ?? '');
    if (same) same.push(node);
    else groups.set(owner ?? '', [node]);
  }
  return [...groups].flatMap(([owner, members]) => lane(kind, kind, name, names.get(owner) ?? owner, members));
}

/** Without an agent's name these still are an agent's time; a ring or a hold alone is not. */
const isAgents = ({ stage }: Node) => stage === 'talk' || stage === 'wrapup' || stage === 'consult';

function lane(kind: Lane['kind'], icon: IconName, name: string, detail: string, found: readonly Node[]): Lane[] {
  return found.length > 0 ? [made(kind, icon, name, detail, found)] : [];
}

function made(
  kind: Lane['kind'],
  icon: IconName,
  name: string,
  detail: string,
  found: readonly Node[],
  say: Lane['say'] = (node) => labels(kind, node),
): Lane {
  const inOrder = [...found].sort((a, b) => a.start - b.start || b.duration - a.duration);
  return {
    kind,
    icon,
    name,
    detail,
    level: 0,
    tone: inOrder[0]?.tone ?? 'setup',
    nodes: inOrder,
    say,
    total: covered(inOrder),
  };
}

function labels(kind: Lane['kind'], { span, tone, duration }: Node): string[] {
  const name = toneName(tone);
  if (kind === 'caller') return [name];
  const flow = kind === 'ivr' ? flowOf(span) : null;
  return [...(flow ? [`${flow} ${formatCoarse(duration)}`, flow] : [`${name} ${formatCoarse(duration)}`]), name];
}

/** Length of the union; the nodes are in order of start. */
export function covered(nodes: readonly Node[]): number {
  let [total, until] = [0, -Infinity];
  for (const { start, end } of nodes) {
    if (end > until) total += end - Math.max(start, until);
    until = Math.max(until, end);
  }
  return total;
}

/** What ran through a whole gap: the caller's stage before others, the shortest first. */
export function stageDuring(stages: readonly Node[], from: number, to: number): Node | null {
  const running = stages.filter((node) => node.stage && node.start <= from && node.end >= to);
  const rank = (node: Node) => (hasCaller(node.stage ?? '') ? 0 : 1);
  return running.sort((a, b) => rank(a) - rank(b) || a.duration - b.duration)[0] ?? null;
}

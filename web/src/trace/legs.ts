/** A call that was handed over has legs: until the first transfer, until the next one, and so on. */

import type { Span, Stage, StageTime } from '../api/types';
import { lookUp } from './attributes';
import type { Model, Node } from './model';

export interface Leg {
  /** From 1. */
  number: number;
  from: number;
  to: number;
  queues: string[];
  agents: string[];
  stages: StageTime[];
  /** The hand-over that led here; null for the first leg. */
  transfer: Handover | null;
}

export interface Handover {
  /** `blind`, `consult` ...; empty where no span tells. */
  kind: string;
  duration: number;
  node: Node;
}

export interface Legs {
  legs: Leg[];
  /** Which leg a span belongs to. */
  of: Map<Node, number>;
}

/** A hand-over takes part of a second; what begins just before it ended is behind it. */
const SLACK = 50e6;

export function legsOf({ nodes, agents }: Model): Legs {
  const handovers = nodes.filter(({ span }) => isHandover(span)).sort((a, b) => a.end - b.end);
  const of = new Map<Node, number>();
  const atTime = (time: number) => 1 + handovers.filter(({ end }) => end - SLACK <= time).length;
  const talking = talkers(nodes, atTime);
  for (const node of nodes) {
    const agent = node.stage && lookUp(node.span, 'interaction.agent.id');
    const known = agent ? talking.get(agent) : undefined;
    const now = atTime(node.start);
    if (known)
      of.set(node, node.stage === 'transfer' || known.includes(now) ? now : nearestLeg(known, now, node.stage));
    else of.set(node, node.stage || !node.parent ? now : (of.get(node.parent) ?? now));
  }
  const count = Math.max(1, ...of.values());
  const legs = Array.from({ length: count }, (_, index) => {
    const members = nodes.filter((node) => of.get(node) === index + 1);
    return legFrom(index + 1, members, handovers[index - 1] ?? null, agents);
  });
  return { legs: legs.filter(({ to }) => to > -Infinity), of };
}

/** A transfer that was refused leaves the call where it is. */
export const isHandover = (span: Span): boolean =>
  span.stage === 'transfer' && span.status.code !== 'error' && lookUp(span, 'sip.transfer.outcome') !== 'failed';

/** In which legs each agent talked. */
function talkers(nodes: readonly Node[], atTime: (time: number) => number): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const { stage, span, start } of nodes) {
    const agent = stage === 'talk' ? lookUp(span, 'interaction.agent.id') : null;
    if (agent === null) continue;
    found.set(agent, [...(found.get(agent) ?? []), atTime(start)]);
  }
  return found;
}

/** Who is asked in belongs to the leg that follows, and wrap-up to the one before. */
function nearestLeg(known: readonly number[], now: number, stage: Stage | null): number {
  const behind = known.filter((leg) => leg < now);
  const ahead = known.filter((leg) => leg > now);
  return (stage === 'wrapup' ? (behind.at(-1) ?? ahead[0]) : (ahead[0] ?? behind.at(-1))) ?? now;
}

function legFrom(
  number: number,
  members: readonly Node[],
  handover: Node | null,
  names: ReadonlyMap<string, string>,
): Leg {
  const stages = new Map<Stage, number>();
  const [queues, agents] = [new Set<string>(), new Set<string>()];
  for (const { stage, span, duration } of members) {
    if (!stage) continue;
    stages.set(stage, (stages.get(stage) ?? 0) + duration);
    const [queue, agent] = [lookUp(span, 'interaction.queue.name'), lookUp(span, 'interaction.agent.id')];
    if (queue !== null) queues.add(queue);
    if (agent !== null) agents.add(names.get(agent) ?? agent);
  }
  return {
    number,
    from: members.reduce((first, { start }) => Math.min(first, start), Infinity),
    to: members.reduce((last, { end }) => Math.max(last, end), -Infinity),
    queues: [...queues],
    agents: [...agents],
    stages: [...stages].map(([stage, time]) => ({ stage, duration_ns: String(Math.round(time)) })),
    transfer: handover && { kind: handoverKind(handover), duration: handover.duration, node: handover },
  };
}

export const handoverKind = ({ span }: Node): string =>
  lookUp(span, 'genesys_cloud.transfer.type') ?? lookUp(span, 'sip.transfer.type') ?? '';

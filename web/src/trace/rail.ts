/** The call chain as cards in a row: the legs of this call, and the calls that links join to it. */

import type { CallChain, Link } from '../api/calls';
import type { StageTime, Summary } from '../api/types';
import { durationOf, formatDuration, parseNanos } from '../time';
import { interactionHref } from '../routes';
import type { Legs } from './legs';

export interface Card {
  key: string;
  title: string;
  detail: string;
  duration: number;
  stages: StageTime[];
  href: string;
  /** The leg of the call on this page; 0 for other calls. */
  leg: number;
  current: boolean;
  /** What joins it to the card before. */
  join: { word: string; time: string; guess: boolean; byHand?: Link | null } | null;
}

export function railOf(own: Summary, legs: Legs | null, chain: CallChain | null, shown: number): Card[] {
  const calls = chain?.calls.length
    ? chain.calls
    : [{ interaction: own, place: 'this', link: null, ambiguous: false, by_hand: null }];
  const cards: Card[] = [];
  calls.forEach((call, index) => {
    const { interaction } = call;
    const before = calls[index - 1];
    const link = interaction.id === own.id || call.place === 'next' ? call : before;
    const word = call.place === 'next' ? call.link : (before?.link ?? null);
    const join = before
      ? {
          word: joinWord(word),
          time: between(before.interaction, interaction),
          guess: link?.ambiguous ?? false,
          byHand: (call.place === 'next' ? call : before).by_hand,
        }
      : null;
    if (interaction.id === own.id && legs && legs.legs.length > 1) cards.push(...legCards(own, legs, shown, join));
    else cards.push(callCard(interaction, interaction.id === own.id, calls.length > 1, join));
  });
  return cards;
}

function legCards(own: Summary, { legs }: Legs, shown: number, join: Card['join']): Card[] {
  return legs.map((leg, index) => ({
    key: `${own.id}.${leg.number}`,
    title: `Leg ${leg.number}`,
    detail: [...leg.queues, ...leg.agents].join(', '),
    duration: leg.to - leg.from,
    stages: leg.stages,
    href: `${interactionHref(own.id)}?show=leg&leg=${leg.number}`,
    leg: leg.number,
    current: leg.number === (shown || 1),
    join:
      index === 0
        ? join
        : leg.transfer && {
            word: `${leg.transfer.kind ? `${leg.transfer.kind} ` : ''}transfer`,
            time: formatDuration(leg.transfer.duration),
            guess: false,
          },
  }));
}

function callCard(call: Summary, current: boolean, several: boolean, join: Card['join']): Card {
  const agents = call.agents.map((id) => call.agent_names[id] ?? id);
  return {
    key: call.id,
    title: current && several ? 'This call' : call.id.slice(0, 8),
    detail: [...call.queues, ...agents].join(', '),
    duration: durationOf(call.duration_ns),
    stages: call.stages,
    href: interactionHref(call.id),
    leg: 0,
    current,
    join,
  };
}

const joinWord = (word: string | null): string => {
  switch (word) {
    case null:
      return 'linked';
    case 'conversation':
      return 'same conversation';
    case 'previous':
      return 'called again';
    case 'manual':
      return 'linked by hand';
    default:
      return word.replaceAll('_', ' ');
  }
};

/** From the end of one call to the start of the next; they may overlap. */
function between(before: Summary, after: Summary): string {
  const time = Number(parseNanos(after.start_ns) - parseNanos(before.end_ns));
  return time >= 0 ? `after ${formatDuration(time)}` : `overlaps ${formatDuration(-time)}`;
}

import type { Change, Overview, RegionLine, Stage, StageLine } from '../api/types';
import { durationOf } from '../time';

/** What the overview draws attention to: a stage, and the region in which it is worst. */
export interface Focus {
  stage: Stage;
  region: string | null;
}

const RANK = { missed: 3, near: 2, met: 1, none: 0 } as const;

/** p95 over the objective, so that the stages can be told apart. */
const ratio = (p95: string | null, objective: string | null): number =>
  objective === null ? 0 : durationOf(p95) / Math.max(1, durationOf(objective));

/** The cell that misses its objective by most; without one, the queue, or the stage with most spans. */
export function worstCell({ stages, regions }: Overview): Focus {
  const objective = new Map(stages.map(({ stage, objective_ns }) => [stage, objective_ns]));
  const cells = regions.flatMap(({ region, stages }) =>
    stages.map((cell) => ({ ...cell, region, by: ratio(cell.p95_ns, objective.get(cell.stage) ?? null) })),
  );
  const worst = cells
    .filter(({ state }) => RANK[state] >= 2)
    .sort((x, y) => RANK[y.state] - RANK[x.state] || y.by - x.by)[0];
  return worst ? { stage: worst.stage, region: worst.region } : { stage: usual(stages), region: null };
}

/** The stage whose line is worth a look: the one that misses most besides that of the heat map, or has slowed most. */
export function worstLine({ stages }: Overview, besides: Stage): Stage {
  const others = stages.filter(({ stage, latency }) => stage !== besides && latency.n > 0);
  const missed = others
    .filter(({ state }) => state === 'missed')
    .sort((x, y) => ratio(y.latency.p95_ns, y.objective_ns) - ratio(x.latency.p95_ns, x.objective_ns))[0];
  const slowed = [...others].sort((x, y) => (against(y).change ?? 0) - (against(x).change ?? 0))[0];
  return (missed ?? slowed)?.stage ?? besides;
}

function usual(stages: readonly StageLine[]): Stage {
  const busiest = [...stages].sort((x, y) => y.latency.n - x.latency.n)[0];
  return stages.find(({ stage, latency }) => stage === 'queue' && latency.n > 0)?.stage ?? busiest?.stage ?? 'queue';
}

/** The same hours last week, or the time just before where there was nothing then. */
export const against = ({ week, before }: StageLine): Change & { lastWeek: boolean } =>
  week.change === null ? { ...before, lastWeek: false } : { ...week, lastWeek: true };

const ALWAYS: readonly Stage[] = ['setup', 'ivr', 'action', 'queue', 'alert', 'talk', 'wrapup'];

/** The stages of an ordinary call, and those others that were seen. */
export const shownStages = (stages: readonly StageLine[]): StageLine[] =>
  stages.filter(({ stage, latency }) => ALWAYS.includes(stage) || latency.n > 0);

export const regionName = ({ region }: Pick<RegionLine, 'region'>): string => region ?? 'no region';

/** Red or green only from 10 % on, and only where both times were looked at as a whole. */
export function changeKind(change: number | null, complete: boolean): 'worse' | 'better' | 'same' {
  if (change === null || !complete || Math.abs(change) < 0.1) return 'same';
  return change > 0 ? 'worse' : 'better';
}

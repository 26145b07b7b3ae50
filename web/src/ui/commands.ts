import { STAGES } from '../api/types';
import { RANGES, changed, parseFilters, withFilters, type Range } from '../scope/filters';
import { alertsHref, compareHref, hopsHref, interactionsHref, overviewHref, stageHref, transfersHref } from '../routes';
import { toneName } from '../trace/stages';

/** Something the palette can do: go somewhere, or one of the choices for all pages. */
export interface Command {
  label: string;
  hint: string;
  href?: string;
  run?: () => void;
}

const RANGE_WORDS: Record<Range, string> = {
  '15m': 'last 15 minutes',
  '1h': 'last hour',
  '24h': 'last 24 hours',
  '7d': 'last 7 days',
  all: '',
};

/** What the bar leads to, and which pages that is. Only pages that exist; later pages add a line. */
export const pages = (shared: string) => [
  { label: 'Overview', href: overviewHref(shared), of: ['overview'] },
  { label: 'Stages', href: stageHref('queue', shared), of: ['stage'] },
  { label: 'Interactions', href: interactionsHref(shared), of: ['interactions', 'interaction', 'trace'] },
  { label: 'Hops', href: hopsHref(), of: ['hops'] },
  { label: 'Compare', href: compareHref(), of: ['compare'] },
  { label: 'Transfers', href: transfersHref(shared), of: ['transfers'] },
  { label: 'Alerts', href: alertsHref(), of: ['alerts'] },
  { label: 'Status', href: '/status', of: ['status'] },
];

/** All addresses, each with the time and the filters of the page that is open. */
export function places(path: string, search: string, shared: string): Command[] {
  const ranges = (Object.keys(RANGES) as Range[]).filter((range) => RANGE_WORDS[range] !== '');
  return [
    ...[...pages(shared), { label: 'Settings', href: '/settings' }].map(({ label, href }) => ({
      label,
      hint: 'page',
      href,
    })),
    ...STAGES.map((stage) => ({ label: toneName(stage), hint: 'stage', href: stageHref(stage, shared) })),
    ...ranges.map((range) => ({
      label: `Time: ${RANGE_WORDS[range]}`,
      hint: 'range',
      href: path + withFilters(search, changed(parseFilters(search), { range })),
    })),
  ];
}

/** Those that hold every typed word; one whose label begins so comes first. */
export function matching(commands: readonly Command[], typed: string): Command[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const text = ({ label, hint }: Command) => `${label} ${hint}`.toLowerCase();
  const begins = (one: Command) => Number(!one.label.toLowerCase().startsWith(words[0] ?? ''));
  return commands
    .filter((one) => words.every((word) => text(one).includes(word)))
    .sort((x, y) => begins(x) - begins(y));
}

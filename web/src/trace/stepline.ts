/** The step line of a path through lanes: along a lane while it is there, down or up where it goes on in another. */

import { CROWD } from './slivers';

export interface Stop {
  /** Pixels from the left; the height of its lane. */
  from: number;
  to: number;
  y: number;
  /** Whether the path comes from the stop before. */
  joined: boolean;
}

/** Uprights nearer than this run into each other. */
const NEAR = 4;

/** All that lies in one column of pixels: ten thousand corners take a second to paint. */
interface Column {
  x: number;
  joined: boolean;
  rows: number[];
  last: number;
}

/** The `d` of an SVG path. */
export function stepLine(stops: readonly Stop[]): string {
  const columns = columnsOf(stops);
  let line = '';
  for (let index = 0; index < columns.length; index++) {
    const begin = columns[index] as Column;
    const until = wallFrom(columns, index);
    const end = columns[until] as Column;
    line += `${begin.joined ? 'L' : 'M'}${begin.x},${begin.rows[0]}${upright(begin)}`;
    if (end.x - begin.x < CROWD) continue;
    // In a wall of uprights nothing is told by them: what tells is in which lanes the path is.
    const wall = columns.slice(index, until + 1);
    for (const y of new Set(wall.flatMap(({ rows }) => rows))) line += along(wall, y);
    line += `M${end.x},${end.rows[0]}${upright(end)}`;
    index = until;
  }
  return line;
}

function columnsOf(stops: readonly Stop[]): Column[] {
  const columns: Column[] = [];
  const go = (to: number, y: number, joined: boolean) => {
    const x = Math.round(to);
    const column = columns.at(-1);
    if (column?.x !== x) columns.push({ x, joined, rows: [y], last: y });
    else {
      if (!column.rows.includes(y)) column.rows.push(y);
      column.last = y;
    }
  };
  for (const { from, to, y, joined } of stops) {
    go(from, y, joined);
    go(to, y, true);
  }
  return columns;
}

/** The last column of those that stand upright one beside the other. */
function wallFrom(columns: readonly Column[], index: number): number {
  const stands = (at: number) => (columns[at]?.rows.length ?? 0) > 1;
  const near = (at: number) => (columns[at]?.x ?? Infinity) - (columns[at - 1]?.x ?? 0) <= NEAR;
  let until = index;
  if (stands(index)) while (stands(until + 1) && near(until + 1)) until++;
  return until;
}

const upright = ({ rows, last }: Column): string =>
  rows.length > 1 ? `V${Math.min(...rows)}V${Math.max(...rows)}V${last}` : '';

/** The pieces of a wall in which the path is in one lane. */
function along(wall: readonly Column[], y: number): string {
  let [line, from, to] = ['', -Infinity, -Infinity];
  const piece = () => (from > -Infinity ? `M${from},${y}H${Math.max(to, from + 1)}` : '');
  for (const { x, rows } of wall) {
    if (!rows.includes(y)) continue;
    if (x - to > 2 * NEAR) {
      line += piece();
      from = x;
    }
    to = x;
  }
  return line + piece();
}

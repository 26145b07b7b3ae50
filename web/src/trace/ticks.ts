import { formatTick, MS, SECOND } from '../time';
import type { Axis, Piece } from './axis';

export interface Tick {
  x: number;
  text: string;
  /** `moment` stands above and counts from the start of the call; `step` stands below and counts from its stretch. */
  row: 'moment' | 'step';
}

/** An axis label is 10.5 px high: this is a safe width of one of its characters. */
const CHARACTER = 6.2;
const APART = 44;

const widthOf = (text: string) => text.length * CHARACTER;

export function ticksOf(axis: Axis): Tick[] {
  const ticks: Tick[] = [];
  let [momentFree, stepFree] = [0, 0];
  for (const piece of axis.pieces) {
    if (piece.kind === 'gap') continue;
    const end = piece.x + piece.width;
    const moment = formatTick(piece.from);
    if (piece.x >= momentFree && piece.x + 4 + widthOf(moment) < end) {
      ticks.push({ x: piece.x + 4, text: moment, row: 'moment' });
      momentFree = piece.x + 8 + widthOf(moment);
    }
    const steps = stepsOf(piece)
      .map(({ at, text }) => ({
        x: piece.x + (piece.width * at) / (piece.to - piece.from),
        text,
        row: 'step' as const,
      }))
      .filter(({ x, text }) => x >= piece.x && x >= stepFree && x + 3 + widthOf(text) <= end);
    if (steps.length < 2) continue;
    ticks.push(...steps);
    stepFree = end;
  }
  return ticks;
}

/** Round steps at least `APART` pixels from each other; the unit is said once, at zero. */
function stepsOf(piece: Piece): { at: number; text: string }[] {
  const length = piece.to - piece.from;
  const step = roundUp((length * APART) / piece.width);
  if (!(step > 0) || step > length) return [];
  const [unit, name] = unitOf(step);
  const digits = Math.max(0, -Math.floor(Math.log10(step / unit) + 1e-9));
  const steps = [{ at: 0, text: `0 ${name}` }];
  for (let at = step; at <= length; at += step) steps.push({ at, text: (at / unit).toFixed(digits) });
  return steps;
}

function roundUp(ns: number): number {
  if (ns > 30 * SECOND) {
    const minutes = [60, 120, 300, 600, 1800, 3600, 7200, 21_600, 86_400].map((seconds) => seconds * SECOND);
    return minutes.find((one) => one >= ns) ?? Math.ceil(ns / (86_400 * SECOND)) * 86_400 * SECOND;
  }
  const power = 10 ** Math.floor(Math.log10(ns));
  return ([1, 2, 5, 10].find((one) => one * power >= ns * 0.999) ?? 10) * power;
}

function unitOf(step: number): [number, string] {
  if (step >= 3600 * SECOND) return [3600 * SECOND, 'h'];
  if (step >= 60 * SECOND) return [60 * SECOND, 'm'];
  if (step >= 200 * MS) return [SECOND, 's'];
  return step >= MS / 2 ? [MS, 'ms'] : [1e3, 'µs'];
}

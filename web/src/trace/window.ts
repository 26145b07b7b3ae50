/** The part of a call that is shown, as the address has it: milliseconds, `22000.000-23000.500`. */
export function parseWindow(text: string | null, length: number): [number, number] | null {
  const match = /^(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)$/.exec(text ?? '');
  if (!match) return null;
  const [from, to] = [Number(match[1]) * 1e6, Math.min(length, Number(match[2]) * 1e6)];
  return to > from ? [from, to] : null;
}

export const windowText = (from: number, to: number): string =>
  `${(Math.max(0, from) / 1e6).toFixed(3)}-${(to / 1e6).toFixed(3)}`;

/** Durations are plain numbers of nanoseconds (exact up to 104 days); moments are BigInt nanoseconds since 1970. */

export const MS = 1e6;
export const SECOND = 1e9;
export const MINUTE = 60 * SECOND;

/** Total: text that is not a whole number counts as zero. */
export function parseNanos(text: string | null | undefined): bigint {
  return text && /^-?\d{1,20}$/.test(text) ? BigInt(text) : 0n;
}

export const durationOf = (text: string | null | undefined): number => Number(parseNanos(text));
/** A moment in milliseconds since 1970, as charts and the browser count. */
export const msOf = (text: string | null | undefined): number => durationOf(text) / MS;

/** A moment in milliseconds as questions name it, to the second. */
export const instant = (ms: number): string => new Date(Math.round(ms / 1000) * 1000).toISOString();

/** `38 ms`, `6.43 s`, `4 m 12.2 s`, `1 h 02 m 11 s`. */
export function formatDuration(ns: number): string {
  if (ns < 0) return `−${formatDuration(-ns)}`;
  if (ns === 0) return '0 s';
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 999_500) return `${Math.round(ns / 1e3)} µs`;
  if (ns < 9.95 * MS) return `${(ns / MS).toFixed(1)} ms`;
  if (ns < 999.5 * MS) return `${Math.round(ns / MS)} ms`;
  if (ns < 9.995 * SECOND) return `${(ns / SECOND).toFixed(2)} s`;
  if (ns < 59.95 * SECOND) return `${(ns / SECOND).toFixed(1)} s`;
  return inMinutes(ns, 1);
}

/** One digit more than `formatDuration` below a second: `150.2 ms`. */
export function formatPrecise(ns: number): string {
  return ns >= 9.95 * MS && ns < 999.95 * MS ? `${(ns / MS).toFixed(1)} ms` : formatDuration(ns);
}

/** For narrow places: `21.7 s`, `4 m 12 s`. */
export function formatCoarse(ns: number): string {
  return ns < 59.95 * SECOND ? formatDuration(ns) : inMinutes(ns, 0);
}

/** Since the start: `+842.1 ms`, `+22.646 s`, `+4 m 53.480 s`. */
export function formatOffset(ns: number): string {
  if (ns < 0) return `−${formatOffset(-ns).slice(1)}`;
  if (ns < 999.95 * MS) return `+${formatPrecise(ns)}`;
  return ns < 59.9995 * SECOND ? `+${(ns / SECOND).toFixed(3)} s` : `+${inMinutes(ns, 3)}`;
}

/** As `formatDuration`; a dash for what nobody measured. */
export const sayDuration = (text: string | null): string => (text === null ? '–' : formatDuration(durationOf(text)));

/** For the axis: `0 s`, `+22.600 s`, `+4:53.48`, `+12:42`, `+1:02:11`. */
export function formatTick(ns: number): string {
  if (ns < 0.5) return '0 s';
  if (ns < MS) return formatOffset(ns);
  if (ns < 59.9995 * SECOND) return `+${(ns / SECOND).toFixed(3)} s`;
  const hundredths = Math.round(ns / 1e7);
  const [h, m, s] = [Math.floor(hundredths / 360_000), Math.floor(hundredths / 6000) % 60, (hundredths % 6000) / 100];
  const seconds =
    s
      .toFixed(2)
      .replace(/\.?0+$/, '')
      .replace(/^(\d)(\.|$)/, '0$1$2') || '00';
  return h ? `+${h}:${two(m)}:${two(Math.floor(s))}` : `+${m}:${seconds}`;
}

/** A moment in a zone, to the millisecond, with the zone beside it. */
export function formatMoment(ns: bigint, zone: string): { date: string; time: string; zone: string } {
  const ms = Number(ns / 1_000_000n);
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return { date: 'unknown', time: '', zone: '' };
  const parts = new Map(
    dateFormat(zone)
      .formatToParts(ms)
      .map((part) => [part.type, part.value]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? '';
  return {
    date: `${Number(part('day'))} ${part('month')} ${part('year')}`,
    time: `${part('hour')}:${part('minute')}:${part('second')}.${part('fractionalSecond')}`,
    zone: zoneLabel(zone, ms),
  };
}

/** `London UTC+1` at moments in ms; `London` alone where they do not share an offset, or none is named. */
export function zoneLabel(zone: string, ...moments: number[]): string {
  const [offset, other] = new Set(moments.map((ms) => offsetOf(zone, ms)));
  const city = zone.replace(/.*\//, '').replaceAll('_', ' ');
  if (!offset || other || zone === 'UTC') return city;
  return `${city} ${offset === 'GMT' ? 'UTC+0' : offset.replace('GMT', 'UTC').replace('-', '−')}`;
}

/** Beside others of the same days, a year says nothing. */
export const withoutYear = (date: string): string => date.replace(/ \d{4}$/, '');

/** RFC 3339 with all nine digits, for copying. */
export function formatIso(ns: bigint): string {
  const ms = Number(ns / 1_000_000n);
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return `${ns}`;
  const fraction = (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n).toString().padStart(9, '0');
  return `${new Date(ms).toISOString().slice(0, -5)}.${fraction}Z`;
}

/** `18 204`: thousands apart by a space that does not break. */
export const formatCount = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, '\u00a0');

const formats = new Map<string, Intl.DateTimeFormat>();

function dateFormat(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      timeZoneName: 'shortOffset',
      hourCycle: 'h23',
      day: 'numeric',
      month: 'short',
      year: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      fractionalSecondDigits: 3,
    });
    formats.set(zone, format);
  }
  return format;
}

/** `GMT+5:30`; at some moment, since it changes with the season. */
export const offsetOf = (zone: string, ms: number): string =>
  dateFormat(zone)
    .formatToParts(ms)
    .find((part) => part.type === 'timeZoneName')?.value ?? 'GMT';

const two = (n: number) => String(n).padStart(2, '0');

function inMinutes(ns: number, digits: number): string {
  if (ns >= 3_599.5 * SECOND) {
    const seconds = Math.round(ns / SECOND);
    const [d, h, m] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
    return d ? `${d} d ${two(h)} h ${two(m)} m` : `${h} h ${two(m)} m ${two(seconds % 60)} s`;
  }
  const scale = 10 ** digits;
  const units = Math.round((ns / SECOND) * scale);
  const rest = ((units % (60 * scale)) / scale).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
  return `${Math.floor(units / (60 * scale))} m ${rest} s`;
}

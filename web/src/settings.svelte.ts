/** The choices a person makes for all pages: time zone and theme. */

import { read, write } from './kept';

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

class Settings {
  readonly browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
  #chosen = $state(knownZone(read('zone')));
  zone = $derived(this.#chosen ?? this.browserZone);
  theme = $state<Theme>(THEMES.find((one) => one === read('theme')) ?? 'system');

  /** False when the browser knows no such zone; nothing changes then. */
  setZone(zone: string): boolean {
    const known = knownZone(zone);
    if (known === null) return false;
    this.#chosen = known === this.browserZone ? null : known;
    write('zone', this.#chosen ?? 'browser');
    return true;
  }

  /** The browser's and UTC by turns. */
  nextZone() {
    this.setZone(this.zone === 'UTC' ? this.browserZone : 'UTC');
  }

  nextTheme() {
    this.setTheme(THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length] ?? 'system');
  }

  /** `theme.js` reads the same value before the first paint. */
  setTheme(theme: Theme) {
    this.theme = theme;
    write('theme', theme);
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }
}

export const settings = new Settings();

function knownZone(zone: string | null): string | null {
  if (!zone || zone === 'browser') return null;
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: zone }).resolvedOptions().timeZone;
  } catch {
    return null;
  }
}

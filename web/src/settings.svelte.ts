/** The two choices a person makes for all pages: time zone and theme. */

const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

class Settings {
  private utc = $state(read('zone') === 'UTC');
  zone = $derived(this.utc ? 'UTC' : Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC');
  theme = $state<Theme>(THEMES.find((one) => one === read('theme')) ?? 'system');

  nextZone() {
    this.utc = !this.utc;
    write('zone', this.utc ? 'UTC' : 'browser');
  }

  /** `theme.js` reads the same value before the first paint. */
  nextTheme() {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length] ?? 'system';
    write('theme', this.theme);
    if (this.theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.theme;
  }
}

export const settings = new Settings();

function read(name: string): string | null {
  try {
    return localStorage.getItem(`throughline.${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string) {
  try {
    localStorage.setItem(`throughline.${name}`, value);
  } catch {
    // The choice then lasts as long as the page.
  }
}

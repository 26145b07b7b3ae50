/** What the browser keeps between visits, where it may. */

export function read(name: string): string | null {
  try {
    return localStorage.getItem(`throughline.${name}`);
  } catch {
    return null;
  }
}

export function write(name: string, value: string) {
  try {
    localStorage.setItem(`throughline.${name}`, value);
  } catch {
    // The choice then lasts as long as the page.
  }
}

import { untrack } from 'svelte';
import { read, write } from './kept';

/** Single-key shortcuts. They can be switched off (some people dictate to their browser). */

export interface Shortcut {
  key: string;
  label: string;
  run: (event: KeyboardEvent) => void;
}

class Keys {
  on = $state(read('keys') !== 'off');
  #groups = $state.raw<Shortcut[][]>([]);
  /** What works here now, for the help sheet. */
  active = $derived(lastOfEach(this.#groups.flat()));

  /** Adds shortcuts until the returned function is called: made for `$effect(() => keys.add([...]))`. */
  add(group: Shortcut[]): () => void {
    this.#groups = [...untrack(() => this.#groups), group];
    return () => {
      this.#groups = this.#groups.filter((one) => one !== group);
    };
  }

  toggle() {
    this.on = !this.on;
    write('keys', this.on ? 'on' : 'off');
  }

  listen(): () => void {
    const onKey = (event: KeyboardEvent) => {
      const paletteKey = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k';
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
      if (event.defaultPrevented || !(paletteKey || (plain && this.on && !isTyping(event.target)))) return;
      const wanted = paletteKey ? 'Ctrl K' : event.key;
      const shortcut = this.active.find((one) => one.key === wanted);
      if (!shortcut) return;
      event.preventDefault();
      shortcut.run(event);
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }
}

export const keys = new Keys();

/** Where two parts of the page use one key, the part that came last has it. */
function lastOfEach(all: readonly Shortcut[]): Shortcut[] {
  return [...new Map(all.map((one) => [one.key, one])).values()];
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

import { LIVE } from '../api/client';
import type { Running } from '../api/types';

const AGAIN_MS = 5000;

/** Calls that go on, as the server tells them; while nobody looks at the page, nothing is asked. */
export class LiveCalls {
  running = $state.raw<Running | null>(null);
  #source: EventSource | null = null;

  /** Made for `$effect(() => live.follow())`. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const open = () => {
      clearTimeout(timer);
      if (this.#source || document.hidden) return;
      const source = (this.#source = new EventSource(LIVE));
      source.addEventListener('running', (event) => {
        this.running = readRunning(event.data) ?? this.running;
      });
      source.addEventListener('error', () => {
        // The browser opens it again after a break, but not after a refusal.
        if (source.readyState !== EventSource.CLOSED) return;
        close();
        timer = setTimeout(open, AGAIN_MS);
      });
    };
    const close = () => {
      clearTimeout(timer);
      this.#source?.close();
      this.#source = null;
    };
    const onVisible = () => (document.hidden ? close() : open());
    document.addEventListener('visibilitychange', onVisible);
    open();
    return () => {
      document.removeEventListener('visibilitychange', onVisible);
      close();
    };
  }
}

function readRunning(data: unknown): Running | null {
  try {
    const read = JSON.parse(String(data)) as Partial<Running>;
    return typeof read.n === 'number' && Array.isArray(read.stages) ? (read as Running) : null;
  } catch {
    return null;
  }
}

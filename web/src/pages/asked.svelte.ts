import { asApiError, isAbort, type ApiError } from '../api/client';
import { poll } from '../poll';

/** How often a page that follows the time asks again. */
export const REFRESH_MS = 15_000;

type Work<T> = (signal: AbortSignal) => Promise<T>;

/** The answer to a question that changes. While the next one is asked, the last answer stays, marked as old. */
export class Asked<T> {
  answer = $state.raw<T | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** The answer on screen belongs to an older question, or there is none yet. */
  asking = $state(true);
  #running: AbortController | null = null;
  #work: Work<T> | null = null;

  /** Made for `$effect(() => page.follow(...))`: what `work` reads at once is what makes a new question. */
  follow(work: Work<T>): () => void {
    this.#work = work;
    this.again();
    return () => this.#running?.abort();
  }

  again(): void {
    this.asking = true;
    void this.#ask(true);
  }

  /** The same question once more; the answer on screen stands until the next one is there. */
  refresh(): Promise<void> {
    return this.asking ? Promise.resolve() : this.#ask(false);
  }

  /** Made for `$effect(() => page.every(...))`: asks again so often. */
  every(ms: number | false): (() => void) | undefined {
    return ms ? poll(ms, () => this.refresh()) : undefined;
  }

  async #ask(anew: boolean): Promise<void> {
    this.#running?.abort();
    const { signal } = (this.#running = new AbortController());
    try {
      const answer = await this.#work?.(signal);
      if (signal.aborted) return;
      this.answer = answer ?? null;
      this.error = null;
      this.asking = false;
    } catch (cause) {
      if (isAbort(cause) || signal.aborted) return;
      this.error = asApiError(cause);
      // Figures of another question would be read as the answer to this one.
      if (anew) this.answer = null;
      this.asking = false;
    }
  }
}

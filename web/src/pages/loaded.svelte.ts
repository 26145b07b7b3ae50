import { asApiError, isAbort, type ApiError } from '../api/client';
import type { Span } from '../api/types';
import { poll } from '../poll';
import { parseNanos } from '../time';

const AGAIN_MS = 2000;
/** Spans of one call arrive one after the other; a pause longer than this ends the watch. */
const SETTLED_NS = 120_000_000_000n;

/** More spans than this are fetched once, not every two seconds. */
const FOLLOWED = 5000;

/** Whether some span is unfinished, or the last one ended so lately that more are likely. */
export function mayGrow({ spans }: { spans: readonly Span[] }): boolean {
  if (spans.length > FOLLOWED) return false;
  const now = BigInt(Date.now()) * 1_000_000n;
  return spans.some(
    (span) => !span.finished || now - parseNanos(span.start_ns) - parseNanos(span.duration_ns) < SETTLED_NS,
  );
}

/** One answer for a page; asked again while more may come, and until there is one. */
export class Loaded<T> {
  answer = $state.raw<T | null>(null);
  error = $state.raw<ApiError | null>(null);
  #running: AbortController | null = null;

  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<T>,
    private readonly mayGrow: (answer: T) => boolean = () => false,
  ) {}

  /** Made for `$effect(() => page.start())`. */
  start(): () => void {
    void this.again();
    const stop = poll(AGAIN_MS, async () => {
      if (this.error || (this.answer && this.mayGrow(this.answer))) await this.again();
    });
    return () => {
      stop();
      this.#running?.abort();
    };
  }

  async again(): Promise<void> {
    this.#running?.abort();
    const { signal } = (this.#running = new AbortController());
    try {
      this.answer = await this.ask(signal);
      this.error = null;
    } catch (cause) {
      if (isAbort(cause)) return;
      this.error = asApiError(cause);
    }
  }
}

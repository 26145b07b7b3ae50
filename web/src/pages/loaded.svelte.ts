import { ApiError, isAbort } from '../api/client';
import { poll } from '../poll';

const AGAIN_MS = 2000;

/** One answer for a page; asked again while it says that something still runs. */
export class Loaded<T> {
  answer = $state.raw<T | null>(null);
  error = $state.raw<ApiError | null>(null);
  private running: AbortController | null = null;

  constructor(
    private readonly ask: (signal: AbortSignal) => Promise<T>,
    private readonly unfinished: (answer: T) => boolean,
  ) {}

  /** Made for `$effect(() => page.start())`. */
  start(): () => void {
    void this.load();
    const stop = poll(AGAIN_MS, async () => {
      if (this.answer && this.unfinished(this.answer)) await this.load();
    });
    return () => {
      stop();
      this.running?.abort();
    };
  }

  async load(): Promise<void> {
    this.running?.abort();
    const { signal } = (this.running = new AbortController());
    try {
      this.answer = await this.ask(signal);
      this.error = null;
    } catch (cause) {
      if (isAbort(cause)) return;
      this.error = cause instanceof ApiError ? cause : new ApiError(0, 'page', 'This page met an answer it could not read.', String(cause));
    }
  }
}

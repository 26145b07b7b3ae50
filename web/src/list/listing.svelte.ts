import { asApiError, isAbort, listInteractions, type ApiError } from '../api/client';
import type { Facets, Summary } from '../api/types';
import { apiQuery, type Filters } from '../scope/filters';

const PAGE = 50;

/** The rows on screen and how they came there. Kept between visits, so that going back shows them at once. */
class Listing {
  rows = $state.raw<Summary[]>([]);
  facets = $state.raw<Partial<Facets>>({});
  state = $state<'loading' | 'ready' | 'failed'>('loading');
  error = $state.raw<ApiError | null>(null);
  /** No interaction at all is stored: the page then says how to send some. */
  storeEmpty = $state(false);
  more = $state<'none' | 'some' | 'loading'>('none');

  #cursor: string | null = null;
  #shown: string | null = null;
  #running: AbortController | null = null;

  /** Shows these filters. The rows of the same question stay while they are asked again. */
  async show(filters: Filters): Promise<void> {
    const question = JSON.stringify(filters);
    if (question !== this.#shown) {
      this.#shown = question;
      this.state = 'loading';
    }
    await this.#ask(filters, 'replace');
  }

  /** New and changed interactions enter at the top; further pages already loaded stay. */
  async refresh(filters: Filters): Promise<void> {
    if (this.more !== 'loading') await this.#ask(filters, 'merge');
  }

  async loadMore(filters: Filters): Promise<void> {
    if (this.more !== 'some') return;
    this.more = 'loading';
    await this.#ask(filters, 'append');
  }

  async #ask(filters: Filters, how: 'replace' | 'merge' | 'append') {
    this.#running?.abort();
    const { signal } = (this.#running = new AbortController());
    try {
      const cursor = how === 'append' ? this.#cursor : null;
      const answer = await listInteractions({ ...apiQuery(filters, Date.now()), limit: PAGE, cursor }, signal);
      const none = how !== 'append' && answer.interactions.length === 0;
      const storeEmpty = none && (await listInteractions({ limit: 1 }, signal)).interactions.length === 0;
      const keepsPages = how === 'merge' && this.rows.length > PAGE;
      if (how === 'append') this.rows = joined(this.rows, answer.interactions);
      else this.rows = keepsPages ? joined(answer.interactions, this.rows) : answer.interactions;
      if (!keepsPages) this.#cursor = answer.next_cursor;
      if (how !== 'append') this.facets = answer.facets;
      this.more = this.#cursor ? 'some' : 'none';
      this.storeEmpty = storeEmpty;
      this.error = null;
      this.state = 'ready';
    } catch (cause) {
      if (isAbort(cause)) return;
      this.error = asApiError(cause);
      this.more = this.#cursor ? 'some' : 'none';
      if (this.state === 'loading') this.state = 'failed';
    }
  }
}

export const listing = new Listing();

/** `first` wins where both hold an interaction. */
function joined(first: Summary[], second: Summary[]): Summary[] {
  const known = new Set(first.map((one) => one.id));
  return [...first, ...second.filter((one) => !known.has(one.id))];
}

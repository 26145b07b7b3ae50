import { listInteractions } from '../api/client';
import type { Facets } from '../api/types';
import { analysisQuery, rangeOf, type Filters } from './filters';

/** The values that the menus of filters offer: those of the interactions in the time that is shown. */
class FacetValues {
  values = $state.raw<Partial<Facets>>({});
  #asked = '';

  /** Asks once for each time; while there is no answer, the menus hold what is chosen. */
  async load(filters: Filters): Promise<void> {
    const time: Filters = { range: filters.range, errors: false };
    if (filters.from) time.from = filters.from;
    if (filters.to) time.to = filters.to;
    const question = JSON.stringify(time) + Math.floor(rangeOf(time, Date.now())[1] / 300_000);
    if (question === this.#asked) return;
    this.#asked = question;
    try {
      this.values = (await listInteractions({ ...analysisQuery(time, Date.now()), limit: 1 })).facets;
    } catch {
      this.#asked = '';
    }
  }
}

export const facets = new FacetValues();

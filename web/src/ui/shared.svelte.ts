import { router } from '../router.svelte';
import { sharedSearch } from '../scope/filters';

const SCOPED: readonly string[] = ['overview', 'stage', 'interactions', 'transfers'];

/** The time and the filters that go along from page to page, also past pages that have none of their own. */
class Shared {
  search = $state('');

  /** Made for `$effect(() => shared.follow())`. */
  follow() {
    if (SCOPED.includes(router.route.page)) this.search = sharedSearch(router.search);
  }
}

export const shared = new Shared();

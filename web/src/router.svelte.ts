import { parseRoute, type Route } from './routes';

/** The address bar as state. Links stay plain `<a href>`; a click on one of ours is taken here. */
class Router {
  path = $state(location.pathname);
  search = $state(location.search);
  route: Route = $derived(parseRoute(this.path, this.search));

  #unwritten: ReturnType<typeof setTimeout> | undefined;

  go(href: string) {
    this.#write();
    if (href === location.pathname + location.search) return;
    history.pushState(null, '', href);
    this.#read();
  }

  /** As `go`, without a way back to where we are. */
  replace(href: string) {
    clearTimeout(this.#unwritten);
    history.replaceState(null, '', href);
    this.#read();
  }

  /**
   * Changes parts of the query string in place; null removes a part.
   * The state changes at once, the address bar a moment later: browsers ignore a page that writes there too often.
   */
  amend(changes: Record<string, string | null>) {
    const params = new URLSearchParams(this.search);
    for (const [key, value] of Object.entries(changes)) {
      if (value === null) params.delete(key);
      else params.set(key, value);
    }
    const search = params.toString();
    this.search = search && `?${search}`;
    clearTimeout(this.#unwritten);
    this.#unwritten = setTimeout(() => this.#write(), 120);
  }

  /** The address with everything in it, for copying. */
  get href(): string {
    return location.origin + this.path + this.search;
  }

  listen(): () => void {
    const onPop = () => {
      clearTimeout(this.#unwritten);
      this.#read();
    };
    const onClick = (event: MouseEvent) => {
      const href = ownLink(event);
      if (href === null) return;
      event.preventDefault();
      const moved = new URL(href, location.href).pathname !== location.pathname;
      this.go(href);
      if (moved) scrollTo(0, 0);
    };
    addEventListener('popstate', onPop);
    addEventListener('click', onClick);
    return () => {
      removeEventListener('popstate', onPop);
      removeEventListener('click', onClick);
    };
  }

  #write() {
    clearTimeout(this.#unwritten);
    if (this.path === location.pathname && this.search !== location.search)
      history.replaceState(null, '', this.path + this.search);
  }

  #read() {
    this.path = location.pathname;
    this.search = location.search;
  }
}

export const router = new Router();

/** The address to go to, or null when the browser should follow the link itself. */
function ownLink(event: MouseEvent): string | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  // A link inside a drawing has no parsed address of its own.
  const href = link?.getAttribute('href');
  if (!link || !href || link.getAttribute('target') || link.hasAttribute('download')) return null;
  const { origin, pathname, search } = new URL(href, location.href);
  if (origin !== location.origin || parseRoute(pathname, search).page === 'missing') return null;
  return pathname + search;
}

import { getTrace, listInteractions } from '../api/client';
import { interactionHref, interactionsHref, parseRoute, traceHref } from '../routes';

/** Where a search goes: an exact id or a pasted link opens the thing itself, anything else filters the list. */
export async function jumpTarget(typed: string): Promise<string> {
  const text = typed.trim();
  if (!text) return interactionsHref();
  const link = linkTarget(text);
  if (link) return link;
  const list = interactionsHref(`?${new URLSearchParams({ q: text, range: 'all' })}`);
  if (/\s/.test(text)) return list;
  try {
    const wanted = text.toLowerCase();
    const hexadecimal = /^[0-9a-f-]+$/.test(wanted);
    const { interactions } = await listInteractions({ q: hexadecimal ? wanted : text, limit: 5 });
    const exact = interactions.find((one) => one.id.toLowerCase() === wanted || one.trace_ids.includes(wanted));
    if (exact) return interactionHref(exact.id);
    if (/^[0-9a-f]{32}$/.test(wanted) && interactions.length === 0) {
      await getTrace(wanted);
      return traceHref(wanted);
    }
  } catch {
    // The list asks again and shows what is wrong.
  }
  return list;
}

function linkTarget(text: string): string | null {
  if (!/^(https?:\/\/|\/)/.test(text)) return null;
  try {
    const { pathname, search } = new URL(text, location.origin);
    const { page } = parseRoute(pathname, search);
    return page === 'missing' ? null : pathname + search;
  } catch {
    return null;
  }
}

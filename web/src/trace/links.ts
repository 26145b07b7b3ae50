import type { SpanLink } from '../api/types';

/** What a link leads to is one of several candidates: it may belong to another call. */
export function isAmbiguous(link: SpanLink): boolean {
  return link.attributes.some(({ key, value }) => key === 'throughline.link.ambiguous' && value === true);
}

/** How many, and how many of them are guesses. */
export function linkWords(links: readonly SpanLink[]): string {
  const guesses = links.filter(isAmbiguous).length;
  const certain = links.length - guesses;
  const named = (count: number, what: string) => (count === 1 ? what : `${count} ${what}s`);
  const words = [named(certain, 'span link'), named(guesses, 'possible link')];
  return words.filter((_, index) => [certain, guesses][index] !== 0).join(', ');
}

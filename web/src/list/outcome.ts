const KINDS: [RegExp, 'ok' | 'warn' | 'bad'][] = [
  [/^(resolved|completed?|answered|handled|self[ _-]?service|ok|success(ful)?|closed)$/, 'ok'],
  [/^(abandon(ed)?|fail(ed|ure)?|error|rejected|dropped|busy|no[ _-]?answer|missed|lost|timeout)$/, 'bad'],
  [/^(voicemail|callback|escalated|overflow(ed)?|cancel(l?ed)?|unresolved|disconnected|short[ _-]?call)$/, 'warn'],
];

/** Outcomes are free text; the usual words get a status, all others stay plain. */
export function outcomeKind(outcome: string | null): 'ok' | 'warn' | 'bad' | '' {
  const word = outcome?.trim().toLowerCase() ?? '';
  return KINDS.find(([pattern]) => pattern.test(word))?.[1] ?? '';
}

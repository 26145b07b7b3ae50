import type { CallChain, CallPath, CallPercentiles, ChainCall, Standing } from '../api/calls';
import { getInteraction } from '../api/client';
import type { InteractionDetail, Span } from '../api/types';
import type { Loaded } from '../pages/loaded.svelte';
import { router } from '../router.svelte';
import { durationOf } from '../time';
import { legsOf } from './legs';
import { modelOf } from './model';
import { completed, isOutlined } from './outline';
import { railOf } from './rail';
import { completeness } from './served';

/** More spans than this are not put into one picture unless the page is asked to. */
const DRAWN = 5000;
const HANDED_ON: ReadonlySet<string> = new Set(['transfer', 'consult', 'redirection']);
export const SHOWN = ['chain', 'call', 'leg'] as const;
export type Shown = (typeof SHOWN)[number];
const NONE: readonly Span[] = [];

interface Asides {
  path: Loaded<CallPath>;
  chain: Loaded<CallChain>;
  percentiles: Loaded<CallPercentiles>;
}

/** One call with what the server works out about it, and which part of its chain is drawn. */
export class WholeCall {
  /** Spans that came in outline, with all that was asked for since. */
  #whole = $state.raw<{ of: InteractionDetail; spans: readonly Span[] } | null>(null);
  #others = $state.raw<readonly Span[]>([]);
  #failed = $state(false);

  #query = $derived(new URLSearchParams(router.search));
  #spans = $derived.by(() =>
    this.#whole && this.#whole.of === this.page.answer ? this.#whole.spans : (this.page.answer?.spans ?? NONE),
  );
  #model = $derived(modelOf(this.#spans));
  #legs = $derived(this.#spans.some(({ stage }) => stage === 'transfer') ? legsOf(this.#model) : null);
  #chain = $derived.by(() => this.asides.chain.answer);
  #leg = $derived(Math.max(1, Number(this.#query.get('leg')) || 1));
  #joined = $derived((this.#chain?.calls ?? []).filter(({ place }) => place !== 'this'));
  #size = $derived(this.#joined.reduce((sum, { interaction }) => sum + interaction.span_count, 0));

  complete = $derived.by(() => completeness(this.#model, this.page.answer?.truncated ?? false));
  /** A call that was handed over is one thing; one that came again is another call, until somebody asks for both. */
  #usual = $derived<Shown>(
    this.#joined.length > 0 &&
      this.#size <= DRAWN &&
      this.#joined.every(({ ambiguous }) => !ambiguous) &&
      (this.#chain?.calls ?? []).every(({ link }) => link === null || HANDED_ON.has(link))
      ? 'chain'
      : 'call',
  );
  show = $derived(SHOWN.find((one) => one === this.#query.get('show')) ?? this.#usual);
  /** What there is to choose between. */
  choices = $derived(
    SHOWN.filter(
      (one) =>
        one === 'call' ||
        (one === 'chain' ? this.#joined.length > 0 : this.#legs !== null && this.#legs.legs.length > 1),
    ),
  );
  cards = $derived.by(() =>
    this.page.answer
      ? railOf(this.page.answer.interaction, this.#legs, this.#chain, this.show === 'leg' ? this.#leg : 0)
      : [],
  );
  /** Of the whole chain, where it has more than one call. */
  total = $derived(this.#joined.length > 0 && this.#chain ? durationOf(this.#chain.duration_ns) : null);
  traces = $derived.by(() => this.#chain?.traces ?? []);
  chainCut = $derived(this.#chain?.truncated ?? false);
  /** Why the whole chain is not drawn although it was asked for. */
  note = $derived(this.#failed && this.show === 'chain' ? 'Other calls of the chain could not be read' : '');

  shown = $derived.by((): readonly Span[] => {
    if (this.show === 'chain') return this.#others.length > 0 ? [...this.#spans, ...this.#others] : this.#spans;
    const legs = this.#legs;
    if (this.show === 'call' || !legs || legs.legs.length < 2) return this.#spans;
    return this.#model.nodes.filter((node) => legs.of.get(node) === this.#leg).map(({ span }) => span);
  });

  /** The server's path is that of this call alone. */
  path = $derived.by(() => (this.shown === this.#spans && !this.#model.running ? this.asides.path.answer : null));
  percentiles = $derived.by(() => {
    const { kinds = [], spans = [] } = this.asides.percentiles.answer ?? {};
    return new Map(
      spans.flatMap(({ trace_id, span_id, percentile, kind }): [string, Standing][] => {
        const of = kinds[kind];
        return of ? [[`${trace_id}.${span_id}`, { ...of, percentile }]] : [];
      }),
    );
  });

  constructor(
    private readonly page: Loaded<InteractionDetail>,
    private readonly asides: Asides,
  ) {}

  setShow(show: Shown) {
    router.amend({ show: show === this.#usual ? null : show, leg: show === 'leg' ? String(this.#leg) : null });
  }

  /** Asks for what stands beside the spans; nothing of it is needed for the picture. */
  start(): () => void {
    const stop = new AbortController();
    for (const aside of Object.values(this.asides)) void aside.again();
    return () => stop.abort();
  }

  /** Made for `$effect`: the spans of the other calls of the chain, while they are to be drawn. */
  follow(): (() => void) | undefined {
    if (this.show !== 'chain' || this.#joined.length === 0) return undefined;
    const stop = new AbortController();
    void this.#loadOthers(this.#joined, stop.signal);
    return () => stop.abort();
  }

  /** Asks for all that is on the spans, where they came in outline. */
  async fetchAll(): Promise<void> {
    const { answer } = this.page;
    if (!answer || this.#whole?.of === answer || !isOutlined(answer.spans)) return;
    const { spans } = await getInteraction(answer.interaction.id);
    this.#whole = { of: answer, spans: completed(answer.spans, spans) };
  }

  async #loadOthers(calls: readonly ChainCall[], signal: AbortSignal) {
    try {
      const details = await Promise.all(calls.map(({ interaction }) => getInteraction(interaction.id, {}, signal)));
      this.#others = details.flatMap(({ spans }) => spans);
      this.#failed = false;
    } catch {
      this.#failed = !signal.aborted;
    }
  }
}

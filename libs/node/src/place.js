// A place in a JSON body that carries context: the objects at a path, with a field for each header.
import { context as contexts, createTraceState, isSpanContextValid, trace } from '@opentelemetry/api';

import { formatTraceparent, parseTraceparent } from './traceparent.js';

/** Values of attributes in Genesys Cloud are cut beyond this. */
const LONGEST_VALUE = 256;
const EACH = '';
const DEEPEST = 64;

export class Place {
  #steps;

  /** The objects below these keys; `''` stands for every element of an array. */
  constructor(...steps) {
    this.#steps = steps;
  }

  /** A copy of `body` with the context in it; without an active span, or where the path meets no object, as it was. */
  inject(body, context = contexts.active()) {
    const span = trace.getSpanContext(context);
    if (!span || !isSpanContextValid(span)) return body;
    const tracestate = span.traceState?.serialize();
    return change(body, this.#steps, ({ tracestate: _stale, ...rest }) => ({
      ...rest,
      traceparent: formatTraceparent(span),
      ...(tracestate && tracestate.length <= LONGEST_VALUE && { tracestate }),
    }));
  }

  /** The context with the first usable `traceparent` at the place as its parent; else the context as it was. */
  extract(body, context = contexts.active()) {
    for (const found of at(body, this.#steps)) {
      const parent = parseTraceparent(found.traceparent);
      if (!parent) continue;
      const traceState = typeof found.tracestate === 'string' ? createTraceState(found.tracestate) : undefined;
      return trace.setSpanContext(context, { ...parent, traceState });
    }
    return context;
  }
}

/**
 * Fills a template whose text values are paths, as `$.context.traceparent` and `$.list[0].name`, from `source`. A member
 * whose path leads nowhere is left out: the path itself must not go out as if it were a value.
 */
export function mapPaths(template, source, depth = 0) {
  if (depth > DEEPEST) throw new RangeError(`the template is nested deeper than ${DEEPEST} levels`);
  if (typeof template === 'string') return template.startsWith('$.') ? follow(template, source) : template;
  if (Array.isArray(template)) {
    return template.map((item) => mapPaths(item, source, depth + 1)).filter((item) => item !== undefined);
  }
  if (!isObject(template)) return template;
  const filled = Object.entries(template).map(([name, value]) => [name, mapPaths(value, source, depth + 1)]);
  return Object.fromEntries(filled.filter(([, value]) => value !== undefined));
}

function follow(path, source) {
  if (!/^\$(\.[\w-]+|\[\d+\])+$/.test(path)) throw new SyntaxError(`not a path of names and [numbers]: ${path}`);
  let value = source;
  for (const [, name, number] of path.matchAll(/\.([\w-]+)|\[(\d+)\]/g)) {
    const fits = name === undefined ? Array.isArray(value) : isObject(value);
    if (!fits || !Object.hasOwn(value, name ?? number)) return undefined;
    value = value[name ?? number];
  }
  return value;
}

function change(value, [step, ...rest], write) {
  if (step === undefined) return isObject(value) ? write(value) : value === undefined ? write({}) : value;
  if (step === EACH) return Array.isArray(value) ? value.map((item) => change(item, rest, write)) : value;
  if (value !== undefined && !isObject(value)) return value;
  const inner = change(value?.[step], rest, write);
  return inner === undefined ? value : { ...value, [step]: inner };
}

function at(value, [step, ...rest]) {
  if (step === undefined) return isObject(value) ? [value] : [];
  if (step === EACH) return Array.isArray(value) ? value.flatMap((item) => at(item, rest)) : [];
  return isObject(value) ? at(value[step], rest) : [];
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

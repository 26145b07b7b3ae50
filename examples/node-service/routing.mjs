import { trace } from '@opentelemetry/api';

const tracer = trace.getTracer('routing');

/** Which queue a caller should wait in: a decision worth a span of its own. */
export function chooseQueue(customer, orders) {
  return tracer.startActiveSpan('choose queue', (span) => {
    const late = orders.some((order) => order.status === 'late');
    const queue = late ? 'deliveries' : customer.segment === 'business' ? 'business' : 'service';
    span.setAttributes({ 'customer.segment': customer.segment, 'routing.late_order': late, 'routing.queue': queue });
    span.end();
    return queue;
  });
}

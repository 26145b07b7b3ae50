// What the contact centre's Data Actions call.
import express from 'express';
import { SpanStatusCode, trace } from '@opentelemetry/api';

import { bookAppointment, findCustomer, openOrders } from './crm.mjs';
import { chooseQueue } from './routing.mjs';
import { sdk } from './tracing.mjs';

const app = express();
app.disable('x-powered-by');
app.use(express.json({ limit: '16kb' }));

app.get('/health', (_request, response) => {
  response.json({ status: 'ok' });
});

// The platform waits for these and tells nobody of it: what serves a Data Action stands for it among the stages of a call.
app.use('/v2', (_request, _response, next) => {
  trace.getActiveSpan()?.setAttribute('interaction.stage', 'action');
  next();
});

app.post('/v2/lookup', async (request, response) => {
  const { phone, campaign_id: campaign } = request.body ?? {};
  if (typeof phone !== 'string') return refuse(response, 400, 'phone_missing', 'send the caller\'s number as "phone"');
  const span = trace.getActiveSpan();
  span?.setAttribute('customer.phone.number', phone);
  if (campaign) span?.setAttribute('interaction.campaign_id', campaign);

  const customer = await findCustomer(phone);
  const orders = await openOrders(customer.id);
  response.json({
    customer_id: customer.id,
    segment: customer.segment,
    open_orders: orders.length,
    queue: chooseQueue(customer, orders),
  });
});

app.post('/v2/schedule', async (request, response) => {
  const { customer_id: customer, slot } = request.body ?? {};
  if (!Number.isInteger(customer) || typeof slot !== 'string') {
    return refuse(response, 400, 'slot_missing', 'send "customer_id" (a number) and "slot" (a time)');
  }
  trace.getActiveSpan()?.setAttribute('appointment.slot', slot);
  response.status(201).json(await bookAppointment(customer, slot));
});

// Expected refusals keep their status; whatever else went wrong is a 502, with the cause on the span.
app.use((error, _request, response, _next) => {
  if (error.status >= 400 && error.status < 500) {
    return refuse(response, error.status, error.code ?? error.type, error.message);
  }
  const span = trace.getActiveSpan();
  span?.recordException(error);
  span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  refuse(response, 502, error.code ?? 'crm_unavailable', error.message);
});

function refuse(response, status, code, message) {
  response.status(status).json({ error: { code, message } });
}

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1', (error) => {
  if (error) {
    console.error(`cannot listen: ${error.message}; set PORT to a free port`);
    process.exit(1);
  }
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  server.close();
  server.closeIdleConnections();
  await sdk.shutdown().catch((error) => console.error(`spans were lost at the end: ${error.message}`));
  process.exit(0);
}

process.once('SIGINT', stop);
process.once('SIGTERM', stop);
if (process.env.STOP_WITH_STDIN === '1') process.stdin.resume().once('end', stop).once('error', stop);

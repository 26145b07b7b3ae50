// The CRM, over HTTP. The phone number goes in a body: an address would land in spans and access logs unmasked.
const BASE = process.env.CRM_URL ?? 'http://127.0.0.1:8000';
const DEADLINE_MS = 5000;

export class CrmError extends Error {
  constructor(status, code, message) {
    super(message);
    this.name = 'CrmError';
    this.status = status;
    this.code = code;
  }
}

export const findCustomer = (phone) => call('POST', '/customers/search', { phone });

export const openOrders = (customer) => call('GET', `/customers/${customer}/orders`);

export const bookAppointment = (customer, slot) => call('POST', '/appointments', { customer_id: customer, slot });

async function call(method, path, body) {
  const response = await fetch(new URL(path, BASE), {
    method,
    headers: body && { 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(DEADLINE_MS),
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    const { code = 'crm_error', message = `the CRM answered ${response.status}` } = answer?.error ?? {};
    throw new CrmError(response.status, code, message);
  }
  return answer;
}

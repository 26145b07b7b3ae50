// The four calls to the platform API that this page needs.
const LOOK_UP = 'custom_-_look-up-customer';

export class Platform {
  #api;
  #token;

  constructor(api, token) {
    this.#api = api;
    this.#token = token;
  }

  conversation(id) {
    return this.#call('GET', `/conversations/${encodeURIComponent(id)}`);
  }

  /** `state`: connected or disconnected. */
  setState(conversation, participant, state) {
    return this.#call('PATCH', `/conversations/calls/${conversation}/participants/${participant}`, { state });
  }

  /** Runs the Data Action of ../data-action with these inputs. */
  lookUpCustomer(inputs) {
    return this.#call('POST', `/integrations/actions/${LOOK_UP}/execute`, inputs);
  }

  async #call(method, path, body) {
    const response = await fetch(`${this.#api}/api/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...(body && { 'content-type': 'application/json' }) },
      body: body && JSON.stringify(body),
    });
    const answer = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer}`);
    return answer ? JSON.parse(answer) : undefined;
  }
}

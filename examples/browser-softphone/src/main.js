// The page: a call that rings, two buttons. `/?conversation=<id>#access_token=<token>`, as the platform opens such pages.
import { Phone } from './phone.js';
import { Platform } from './platform.js';
import { startTracing } from './tracing.js';

const status = document.querySelector('[role=status]');
const [answer, hangUp] = document.querySelectorAll('button');

function say(text, { canAnswer = false, canHangUp = false } = {}) {
  status.textContent = text;
  answer.disabled = !canAnswer;
  hangUp.disabled = !canHangUp;
}

/** A click that fails says so on the page. */
function on(button, work) {
  button.addEventListener('click', () => {
    button.disabled = true;
    work().catch((error) => say(`It failed: ${error.message}`));
  });
}

async function open() {
  const { otlp, api } = await (await fetch('settings.json')).json();
  const flush = startTracing(otlp);
  const token = new URLSearchParams(location.hash.slice(1)).get('access_token');
  const platform = new Platform(api, token);
  const id = new URLSearchParams(location.search).get('conversation');
  const phone = new Phone(platform, await platform.conversation(id));
  say('Ringing', { canAnswer: true });

  on(answer, async () => {
    const { customerId, queue } = await phone.answer();
    say(`Talking to customer ${customerId} (${queue})`, { canHangUp: true });
  });
  on(hangUp, async () => {
    await phone.hangUp();
    say('Ended');
    // Nobody waits for this: spans that cannot be sent must not keep the agent from the next call.
    await flush().catch((error) => console.warn(error));
    document.body.dataset.spans = 'flushed';
  });
}

open().catch((error) => say(`It failed: ${error.message}`));

// node test/agent.mjs <address of the page>: an agent in a real browser who answers, and hangs up when the customer is known.
// Prints what the page said at each step, and what the browser complained about.
import { chromium } from 'playwright-core';

const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--disable-gpu', '--no-first-run', '--disable-background-networking', ...sandbox],
});
const account = { said: [], complaints: [] };
try {
  const page = await browser.newPage();
  page.on('pageerror', (error) => account.complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') account.complaints.push(message.text());
  });
  const status = page.getByRole('status');
  // A step is done when its button can be pressed; it is not when the page says that it failed.
  const step = async (done) => {
    await done.or(status.filter({ hasText: 'It failed' })).waitFor();
    account.said.push(await status.textContent());
  };
  const button = (name) => page.getByRole('button', { name, disabled: false });

  await page.goto(process.argv[2]);
  await step(button('Answer'));
  await button('Answer').click();
  await step(button('Hang up'));
  await button('Hang up').click();
  await step(status.filter({ hasText: 'Ended' }));
  await page.locator('body[data-spans=flushed]').waitFor();
} catch (error) {
  account.complaints.push(error.message);
} finally {
  await browser.close();
}
console.log(JSON.stringify(account));

/** Who looks at this page, and what that one may. */

import { door, get, send } from './api/client';

export type Role = 'viewer' | 'unmask' | 'admin';

export interface Person {
  name: string;
  role: Role;
  by: 'nothing' | 'password' | 'token';
}

export interface SessionAnswer {
  who: Person | null;
  csrf: string | null;
  passwords: boolean;
  masking: boolean;
}

const PATH = '/api/v1/session';

class Session {
  now = $state.raw<SessionAnswer | null>(null);
  /** Grows when it is somebody else: what one person saw is not left to the next. */
  people = $state(0);
  who = $derived(this.now?.who ?? null);
  admin = $derived(this.who?.role === 'admin');
  /** There is something to unmask, and the right to. */
  unmasks = $derived(this.now?.masking === true && this.who !== null && this.who.role !== 'viewer');

  constructor() {
    door.closed = () => void this.load();
  }

  load(): Promise<void> {
    // Without an answer the pages say what is wrong.
    return get<SessionAnswer>(PATH, {}).then(
      (now) => this.#take(now),
      () => undefined,
    );
  }

  async signIn(shown: object) {
    this.#take(await send('POST', PATH, shown));
  }

  async signOut() {
    await send('DELETE', PATH);
    await this.load();
  }

  #take(now: SessionAnswer) {
    // The first answer only says who it was that the page on screen was made for.
    if (this.now && this.who?.name !== now.who?.name) this.people++;
    this.now = now;
    door.csrf = now.csrf ?? '';
  }
}

export const session = new Session();

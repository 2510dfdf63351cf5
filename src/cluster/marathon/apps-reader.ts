import { errorText } from '../../core/errors.ts';
import { JsonSlicer } from '../../core/json/slicer.ts';
import type { ItemSink, Plan } from '../../core/json/slicer.ts';
import { readApp } from './app.ts';
import type { ReadApp } from './app.ts';

const APP = 1;
/** `{"apps": [...]}`: the apps one by one, and nothing else. */
const APPS: Plan = {
  act: 'members',
  members: new Map<string, Plan>([['apps', { act: 'slice', kind: APP }]]),
  others: { act: 'skip' },
};

/** Reads an answer of `/v2/apps` as its bytes arrive: never more than one app of it is in memory as text. */
export class AppsReader implements ItemSink {
  readonly #slicer = new JsonSlicer(APPS, this);
  readonly #apps: ReadApp[] = [];

  push(bytes: Uint8Array): void {
    this.#slicer.push(bytes);
  }

  /** The apps; undefined when the answer was no JSON with a list of apps. */
  end(): readonly ReadApp[] | undefined {
    const ended = this.#slicer.end();
    const skeleton = ended?.skeleton;
    const whole =
      typeof skeleton === 'object' && skeleton !== null && 'apps' in skeleton && Array.isArray(skeleton.apps);
    return whole ? this.#apps : undefined;
  }

  take(_kind: number, bytes: Uint8Array, start: number, end: number): void {
    const where = `app ${this.#apps.length}`;
    try {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString();
      this.#apps.push(readApp(JSON.parse(text), where));
    } catch (error) {
      this.#apps.push({ ok: false, id: where, reason: `cannot be read: ${errorText(error)}` });
    }
  }

  guess(): number {
    return 0;
  }

  takeExpected(): boolean {
    return false;
  }
}

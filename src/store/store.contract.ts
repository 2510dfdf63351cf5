import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MOST_CHANGES } from './keys.ts';
import type { Change } from './operations.ts';
import type { Leadership, Store, StoreEvent } from './types.ts';

/** What every store promises. `make` gives a new, empty one. */
export function runStoreContract(name: string, make: () => Promise<Store>): void {
  describe(`${name}: store contract`, () => {
    let store: Store;
    const stop = { signal: AbortSignal.abort(), abort: (): void => {} };
    beforeEach(async () => {
      store = await make();
      const controller = new AbortController();
      stop.signal = controller.signal;
      stop.abort = () => controller.abort();
    });
    afterEach(async () => {
      stop.abort();
      await store.close();
    });
    readsAndWrites(() => store);
    conditions(() => store);
    watchesAndElections(() => store, stop);
  });
}

function readsAndWrites(the: () => Store): void {
  it('gets what was put, and nothing else', async () => {
    expect(await the().get('a/b')).toBeUndefined();
    const entry = await the().put('a/b', '{"x":1}');
    expect(entry).toEqual({ key: 'a/b', value: '{"x":1}', revision: entry.revision });
    expect(await the().get('a/b')).toEqual(entry);
    expect(await the().get('a')).toBeUndefined();
  });

  it('raises the revision with every change over the whole store', async () => {
    const first = await the().put('a', '1');
    const second = await the().put('b', '1');
    await the().delete('a');
    const third = await the().put('a', '1');
    expect(first.revision).toBeGreaterThan(0);
    expect(second.revision).toBeGreaterThan(first.revision);
    expect(third.revision).toBeGreaterThan(second.revision + 1);
  });

  it('keeps any text', async () => {
    const texts = ['', '\n', 'ünïcödé 💧', '\u0000', 'x'.repeat(300_000)];
    for (const [i, text] of texts.entries()) await the().put(`t/${i}`, text);
    expect((await the().list('t/')).map((e) => e.value)).toEqual(texts);
  });

  it('tells whether a delete removed something', async () => {
    await the().put('a', '1');
    expect(await the().delete('a')).toBe(true);
    expect(await the().delete('a')).toBe(false);
    expect(await the().get('a')).toBeUndefined();
  });

  it('makes several changes together, or none of them', async () => {
    await the().put('a', '1');
    await the().write([
      { key: 'a', value: undefined },
      { key: 'b', value: '2' },
      { key: 'never there', value: undefined },
      { key: 'c', value: '3' },
    ]);
    const kept = async (): Promise<string[]> => (await the().list('')).map((e) => `${e.key}=${e.value}`);
    expect(await kept()).toEqual(['b=2', 'c=3']);
    const c = await the().get('c');
    expect(await the().compareAndSet('c', c?.revision ?? 0, '4')).toBeDefined();
    await the().write([]);
    const many = Array.from({ length: MOST_CHANGES + 1 }, (_, i) => ({ key: `m/${i}`, value: '' }));
    for (const bad of [many, [many[0], many[0]]] as Change[][])
      await expect(the().write(bad)).rejects.toThrow(RangeError);
    const notOne = [
      { key: 'd', value: '5' },
      { key: '/', value: '5' },
    ];
    await expect(the().write(notOne)).rejects.toMatchObject({ code: 'STORE_BAD_KEY' });
    expect(await kept()).toEqual(['b=2', 'c=4']);
    await Promise.all([
      the().put('p', '0'),
      the().write([{ key: 'p', value: '1' }]),
      the().write(many.slice(1)),
      the().write([{ key: 'b', value: undefined }]),
    ]);
    expect(await kept()).toHaveLength(MOST_CHANGES + 2);
    expect((await the().get('p'))?.value).toBe('1');
  });

  it('lists by prefix in code-unit order', async () => {
    for (const key of ['b/2', 'a/1', 'b/10', 'b/ä', 'b/Z', 'bb/1']) await the().put(key, key);
    expect((await the().list('b/')).map((e) => e.key)).toEqual(['b/10', 'b/2', 'b/Z', 'b/ä']);
    expect((await the().list('')).map((e) => e.key)).toHaveLength(6);
    expect(await the().list('none')).toEqual([]);
  });

  it('refuses a key that is not one', async () => {
    for (const key of ['', '/', '/a', 'a/', 'a//b']) {
      await expect(the().put(key, '1')).rejects.toMatchObject({ code: 'STORE_BAD_KEY' });
      await expect(the().get(key)).rejects.toMatchObject({ code: 'STORE_BAD_KEY' });
    }
  });
}

function conditions(the: () => Store): void {
  it('sets only what is still at the expected revision', async () => {
    const made = await the().compareAndSet('a', 0, '1');
    expect(made).toBeDefined();
    expect(await the().compareAndSet('a', 0, '2')).toBeUndefined();
    const next = await the().compareAndSet('a', made?.revision ?? -1, '3');
    expect(next?.revision).toBeGreaterThan(made?.revision ?? 0);
    expect(await the().compareAndSet('a', made?.revision ?? -1, '4')).toBeUndefined();
    expect(await the().get('a')).toEqual(next);
    expect(await the().compareAndSet('missing', 1, '1')).toBeUndefined();
  });

  it('lets exactly one of many racing writers win', async () => {
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => the().compareAndSet('race', 0, String(i))),
    );
    const winners = results.filter((r) => r !== undefined);
    expect(winners).toHaveLength(1);
    expect(await the().get('race')).toEqual(winners[0]);
  });

  it('counts right under racing increments', async () => {
    await the().put('n', '0');
    const increment = async (): Promise<void> => {
      for (;;) {
        const at = await the().get('n');
        if (at && (await the().compareAndSet('n', at.revision, String(Number(at.value) + 1)))) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, increment));
    expect((await the().get('n'))?.value).toBe('20');
  });
}

function watchesAndElections(the: () => Store, stop: { readonly signal: AbortSignal; abort(): void }): void {
  it('shows watchers what changes later under the prefix, in order, once', async () => {
    await the().put('w/before', '0');
    const events = the().watch('w/', stop.signal)[Symbol.asyncIterator]();
    const next = async (): Promise<StoreEvent | undefined> => (await events.next()).value as StoreEvent;
    const written = await Promise.all([
      the().put('w/1', 'a'),
      the().put('other', 'b'),
      the().put('w/2', 'c'),
    ]);
    expect(await next()).toEqual({ kind: 'put', entry: written[0] });
    expect(await next()).toEqual({ kind: 'put', entry: written[2] });
    await the().delete('w/1');
    const deleted = await next();
    expect(deleted).toMatchObject({ kind: 'delete', key: 'w/1' });
    const last = await the().put('w/end', 'd');
    expect(await next()).toEqual({ kind: 'put', entry: last });
    if (deleted?.kind !== 'delete') return;
    expect(deleted.revision).toBeGreaterThan(written[2].revision);
    expect(deleted.revision).toBeLessThan(last.revision);
  });

  it('shows watchers the last of many quick changes', async () => {
    const events = the().watch('q/', stop.signal);
    const writes = Array.from({ length: 100 }, (_, i) => the().put(`q/${i % 3}`, String(i)));
    const written = await Promise.all(writes);
    const seen: StoreEvent[] = [];
    for await (const event of events) {
      seen.push(event);
      if (event.kind === 'put' && event.entry.value === '99') break;
    }
    const entries = seen.flatMap((e) => (e.kind === 'put' ? [e.entry] : []));
    const revisions = entries.map((e) => e.revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(entries.map((e) => `${e.key} ${e.revision}`)).size).toBe(entries.length);
    for (const entry of entries) expect(written).toContainEqual(entry);
    const known = new Map(entries.map((e) => [e.key, e.value]));
    expect([...known.values()].sort()).toEqual(['97', '98', '99']);
  });

  it('ends a watch when told, also one that waits', async () => {
    const read = (async () => {
      const seen: StoreEvent[] = [];
      for await (const event of the().watch('w', stop.signal)) seen.push(event);
      return seen;
    })();
    stop.abort();
    expect(await read).toEqual([]);
    for await (const event of the().watch('w', stop.signal)) expect.unreachable(JSON.stringify(event));
  });

  it('elects one leader, and the next when it leaves', async () => {
    const firstStops = new AbortController();
    const first = the().elect('e', 'one', firstStops.signal)[Symbol.asyncIterator]();
    expect((await first.next()).value).toMatchObject({ leader: 'one', isSelf: true });
    const second = the().elect('e', 'two', stop.signal)[Symbol.asyncIterator]();
    const other = the().elect('other', 'two', stop.signal)[Symbol.asyncIterator]();
    expect((await second.next()).value).toEqual<Leadership>({ leader: 'one', isSelf: false });
    expect((await other.next()).value).toMatchObject({ leader: 'two', isSelf: true });
    firstStops.abort();
    expect((await second.next()).value).toMatchObject({ leader: 'two', isSelf: true });
    expect((await first.next()).done).toBe(true);
  });

  it('lets a leader write in its term, and not after it', async () => {
    const leads = the().elect('t', 'one', stop.signal)[Symbol.asyncIterator]();
    const term = ((await leads.next()).value as Leadership).term;
    expect(term?.holds()).toBe(true);
    const entry = await term?.store.put('a', '1');
    expect(await the().get('a')).toEqual(entry);
    expect(await term?.store.compareAndSet('a', entry?.revision ?? 0, '2')).toMatchObject({ value: '2' });
    expect(await term?.store.compareAndSet('a', entry?.revision ?? 0, '3')).toBeUndefined();
    expect(await term?.store.delete('a')).toBe(true);
    await term?.store.write([{ key: 'a', value: '4' }]);
    await term?.store.write([{ key: 'a', value: undefined }]);
    term?.resign();
    expect(term?.holds()).toBe(false);
    expect((await leads.next()).value).toMatchObject({ isSelf: false });
    const again = ((await leads.next()).value as Leadership).term;
    expect(again?.holds()).toBe(true);
    expect(term?.holds()).toBe(false);
    for (const write of [
      () => term?.store.put('a', '4'),
      () => term?.store.delete('b'),
      () => term?.store.write([{ key: 'a', value: '4' }]),
      () => term?.store.compareAndSet('a', 0, '5'),
    ])
      await the()
        .put('b', '1')
        .then(async () => {
          await expect(write()).rejects.toMatchObject({ code: 'STORE_NOT_LEADER' });
        });
    expect(await the().get('a')).toBeUndefined();
    expect(await again?.store.put('a', '6')).toMatchObject({ value: '6' });
  });

  it('finishes writes on close, then refuses, and ends watches and elections', async () => {
    const events = the().watch('c', new AbortController().signal)[Symbol.asyncIterator]();
    const leads = the().elect('c', 'x', new AbortController().signal)[Symbol.asyncIterator]();
    const write = the().put('c', '1');
    await the().close();
    expect((await write).value).toBe('1');
    await expect(the().put('c', '2')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await expect(the().get('c')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    expect((await events.next()).done).toBe(false);
    expect((await events.next()).done).toBe(true);
    expect((await leads.next()).done).toBe(false);
    expect((await leads.next()).done).toBe(true);
  });
}

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpResponse } from '../../core/http/client.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { MasterDirectory } from './directory.ts';
import { FileDetector } from './file.ts';
import { addressOfJsonInfo, addressOfProtobufInfo } from './master-info.ts';
import { detectorProblem, parseDetectorSpec } from './spec.ts';
import { StandaloneDetector } from './standalone.ts';
import type { DetectedMasters, DetectorListener, MasterDetector } from './types.ts';

const json = (value: unknown): string | undefined => addressOfJsonInfo(Buffer.from(JSON.stringify(value)));

describe('the address of a master', () => {
  it.each([
    [{ address: { ip: '10.0.0.1', port: 5051 }, ip: 16777343, port: 5050 }, '10.0.0.1:5051'],
    [{ address: { ip: 'fd00::1', port: 5050 } }, '[fd00::1]:5050'],
    [{ address: { hostname: 'm', port: 5050 }, ip: 16777343, port: 5055 }, '127.0.0.1:5055'],
    [{ ip: 167772170 }, '10.0.0.10:5050'],
    [{ ip: 4294967295, port: 1 }, '255.255.255.255:1'],
    [{ ip: 0, port: 5050 }, undefined],
    [{ ip: 16777343, port: 70_000 }, undefined],
    [{ address: { ip: 'master.example', port: 5050 } }, undefined],
    [{ pid: 'master@10.0.0.1:5050', hostname: 'm' }, undefined],
    ['text', undefined],
    [null, undefined],
  ])('%j', (info, expected) => expect(json(info)).toBe(expected));

  it('is the same out of protobuf, unknown fields and all', () => {
    const varint = (n: bigint): number[] =>
      n < 128n ? [Number(n)] : [Number(n & 127n) | 128, ...varint(n >> 7n)];
    const bytes = (field: number, value: Uint8Array): number[] => [
      ...varint(BigInt(field * 8 + 2)),
      ...varint(BigInt(value.length)),
      ...value,
    ];
    const unknown = fc.oneof(
      fc
        .tuple(fc.integer({ min: 8, max: 5_000 }), fc.uint8Array({ maxLength: 200 }))
        .map(([f, v]) => bytes(f, v)),
      fc
        .tuple(fc.integer({ min: 8, max: 5_000 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
        .map(([f, v]) => [...varint(BigInt(f * 8)), ...varint(v)]),
      fc.uint8Array({ minLength: 8, maxLength: 8 }).map((v) => [...varint(9n * 8n + 1n), ...v]),
      fc.uint8Array({ minLength: 4, maxLength: 4 }).map((v) => [...varint(9n * 8n + 5n), ...v]),
    );
    const ip = fc.ipV4();
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(ip, port, fc.boolean(), fc.array(unknown), fc.array(unknown), (ip, port, newer, a, b) => {
        const number = ip.split('.').reduceRight((sum, part) => sum * 256n + BigInt(part), 0n);
        const address = Uint8Array.from([
          ...bytes(2, Buffer.from(ip)),
          24,
          ...varint(BigInt(port)),
          ...a.flat(),
        ]);
        const old = [16, ...varint(number), 24, ...varint(BigInt(port))];
        const info = Uint8Array.from([...a.flat(), ...(newer ? bytes(7, address) : old), ...b.flat()]);
        expect(addressOfProtobufInfo(info)).toBe(!newer && number === 0n ? undefined : `${ip}:${port}`);
      }),
    );
  });

  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        for (const address of [addressOfProtobufInfo(bytes), addressOfJsonInfo(bytes)])
          if (address !== undefined) expect(address).toMatch(/^(\d+\.){3}\d+:\d+$|^\[[0-9a-f:.]+\]:\d+$/);
      }),
    );
    expect(addressOfProtobufInfo(new Uint8Array(2_000_000).fill(8))).toBeUndefined();
  });
});

describe('where masters are found', () => {
  it.each([
    ['zk://a:1/m', 'zookeeper'],
    ['consul://a:1/m', 'consul'],
    ['file:///etc/mesos/zk', 'file'],
    ['10.0.0.1:5050', 'standalone'],
    ['master.example:5050', 'standalone'],
    ['[fd00::1]:5050', 'standalone'],
  ])('%s', (text, kind) => expect(parseDetectorSpec(text)).toMatchObject({ kind }));

  it.each(['', 'zk://', 'consul://a', 'file://x', 'file:///', 'a', 'a:0', 'http://a:5050', 'fd00::1:5050'])(
    'refuses %s',
    (text) => expect(detectorProblem(text)).toBeTypeOf('string'),
  );
});

describe('the directory of masters', () => {
  const origins = (...names: string[]): string[] => names.map((n) => `http://${n}:5050`);

  it('has the configured masters until others are detected, and these first from then on', () => {
    const d = new MasterDirectory(['a', 'b'], false);
    expect(d.view).toMatchObject({ leader: undefined, masters: origins('a', 'b') });
    d.update({ leader: 'c:5050', others: ['b:5050', 'c:5050'] });
    expect(d.view).toEqual({
      leader: 'http://c:5050',
      masters: origins('c', 'b'),
      candidates: origins('c', 'b', 'a'),
    });
    d.update({ leader: undefined, others: ['b:5050'] });
    expect(d.view).toMatchObject({ leader: undefined, masters: origins('b'), candidates: origins('b', 'a') });
  });

  it('keeps whom it knew while nobody is named, the former leader last', () => {
    const d = new MasterDirectory([], false);
    d.update({ leader: 'a:5050', others: ['b:5050'] });
    d.update({ leader: undefined, others: [] });
    expect(d.view).toMatchObject({ leader: undefined, masters: origins('b', 'a') });
    d.update({ leader: undefined, others: [] });
    expect(d.view.masters).toEqual(origins('b', 'a'));
  });

  it('tells only what changed', () => {
    const d = new MasterDirectory(['a'], true);
    const told: unknown[] = [];
    d.onChange((view) => told.push(view.leader));
    for (const leader of ['b:1', 'b:1', 'c:1']) d.update({ leader, others: [] });
    expect(told).toEqual(['https://b:1', 'https://c:1']);
  });

  it('does not know a host over http that it was told of with https', () => {
    const d = new MasterDirectory(['https://a:5050', 'http://b:5050'], false);
    expect(['https://a:1/', 'http://a:5050/', 'https://b/', 'http://b/'].map((u) => d.knows(u))).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it('knows its hosts, whatever the port, and no others', () => {
    const d = new MasterDirectory(['a:5050', '[fd00::1]:5050'], false);
    d.update({ leader: '10.0.0.1:5050', others: [] });
    expect(['http://a:1/x', 'https://10.0.0.1:2/', 'http://[fd00::1]/'].map((u) => d.knows(u))).not.toContain(
      false,
    );
    expect(
      ['http://evil/', 'http://a.evil/', 'http://a@evil/', 'nonsense'].map((u) => d.knows(u)),
    ).not.toContain(true);
  });
});

class Told implements DetectorListener {
  readonly masters: DetectedMasters[] = [];
  problem: string | undefined;
  onMasters(masters: DetectedMasters): void {
    this.masters.push(masters);
  }
  onProblem(reason: string | undefined): void {
    this.problem = reason;
  }
}

function response(status: number, pieces: readonly string[], cancelled: () => void): HttpResponse {
  return {
    status,
    headers: {},
    body: (async function* () {
      for (const piece of pieces) yield Buffer.from(piece);
    })(),
    text: async () => pieces.join(''),
    cancel: cancelled,
  };
}

describe('one master that is asked', () => {
  it('says who leads, in whatever pieces, and is asked again every 30 s', async () => {
    const clock = new FakeClock();
    const told = new Told();
    let state = '{"x":"\\"leader\\":\\"no@1.1.1.1:1\\"","leader" : "master@10.0.0.7:5050","slaves":[]}';
    let asked: string[] = [];
    const detector = new StandaloneDetector({
      address: 'm:5050',
      clock,
      get: async (path) => {
        asked.push(path);
        if (path === '/state.json') return response(404, ['nothing'], () => {});
        return response(200, state.match(/.{1,7}/gs) ?? [], () => {});
      },
    });
    detector.start(told);
    await clock.advanceAsync(10, 1);
    expect(told.masters).toEqual([
      { leader: undefined, others: ['m:5050'] },
      { leader: '10.0.0.7:5050', others: ['m:5050'] },
    ]);
    expect(asked).toEqual(['/state.json', '/master/state']);
    asked = [];
    state = '{"leader":"master@10.0.0.8:5050"}';
    await clock.advanceAsync(29_000, 100);
    expect(asked).toEqual([]);
    await clock.advanceAsync(2_000, 100);
    expect([told.masters.at(-1)?.leader, asked]).toEqual(['10.0.0.8:5050', ['/master/state']]);
    state = '{"leader":null}';
    await clock.advanceAsync(30_000, 100);
    expect(told.problem).toContain('names no leader');
    expect(told.masters).toHaveLength(3);
    detector.stop();
    expect(clock.pending).toBe(0);
  });

  it('is asked again soon while it has never answered', async () => {
    const clock = new FakeClock();
    const told = new Told();
    let asked = 0;
    const get = async (): Promise<HttpResponse> => {
      asked++;
      throw new Error('refused');
    };
    const detector = new StandaloneDetector({ address: 'm:5050', clock, get });
    detector.start(told);
    await clock.advanceAsync(10_000, 100);
    expect([asked, told.problem]).toEqual([5, 'm:5050: refused']);
    detector.stop();
  });
});

describe('a file that names where masters are', () => {
  it('is followed when it changes; nonsense and absence leave the last good one', async () => {
    const clock = new FakeClock();
    const told = new Told();
    const made: string[] = [];
    const stopped: string[] = [];
    let text: string | undefined;
    const detector = new FileDetector({
      path: '/f',
      clock,
      readFile: async () => {
        if (text === undefined) throw new Error('ENOENT');
        return text;
      },
      make: (spec): MasterDetector | string => {
        if (spec === 'nonsense') return 'it is nonsense';
        made.push(spec);
        return {
          start: (listener) => listener.onMasters({ leader: spec, others: [] }),
          stop: () => void stopped.push(spec),
        };
      },
    });
    detector.start(told);
    await clock.advanceAsync(10, 1);
    expect(told).toMatchObject({ problem: '/f: ENOENT', masters: [] });
    text = 'one:1\n';
    await clock.advanceAsync(2_500, 100);
    expect(told).toMatchObject({ problem: undefined, masters: [{ leader: 'one:1' }] });
    text = 'nonsense';
    await clock.advanceAsync(2_500, 100);
    expect(told.problem).toBe('/f: it is nonsense');
    text = undefined;
    await clock.advanceAsync(2_500, 100);
    expect([told.problem, stopped]).toEqual(['/f: ENOENT', []]);
    text = 'two:2';
    await clock.advanceAsync(2_500, 100);
    expect([made, stopped, told.problem]).toEqual([['one:1', 'two:2'], ['one:1'], undefined]);
    detector.stop();
    expect([stopped, clock.pending]).toEqual([['one:1', 'two:2'], 0]);
  });
});

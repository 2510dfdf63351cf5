import { describe, expect, it } from 'vitest';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';
import { AuthorityPlaces, PLACES } from './places.ts';

/** What each origin answers: a status, where it sends to, or nothing at all. */
type World = Record<string, number | string | undefined>;

function clientOf(world: World): { readonly client: HttpClient; readonly asked: string[] } {
  const asked: string[] = [];
  const request: HttpClient['request'] = async ({ url }) => {
    const { origin } = new URL(url);
    asked.push(url);
    const answer = world[origin];
    if (answer === undefined) throw new Error(`${origin} is away`);
    const status = typeof answer === 'number' ? answer : 307;
    const headers = typeof answer === 'number' ? {} : { location: answer };
    const response = { status, headers, text: async () => origin, cancel: () => {} };
    return response as unknown as HttpResponse;
  };
  return { client: { request, close: async () => {} }, asked };
}

const ALL = 'https://a:1, https://b:2/,https://c:3';
const GET = { method: 'GET' } as const;

describe('places of an authority', () => {
  it('are one URL or several', () => {
    for (const good of ['https://a:1', 'http://a', 'https://a:1/', ALL]) expect(good).toMatch(PLACES);
    for (const bad of ['', 'a:1', 'ftp://a', 'https://', 'https://a,', 'https://a b', 'https://a/b?c'])
      expect(bad).not.toMatch(PLACES);
  });

  it('lead to whoever leads: by the word of one that stands by, or by trying', async () => {
    const world: World = { 'https://a:1': '//c:3/x?y=1', 'https://b:2': 503, 'https://c:3': 200 };
    const { client, asked } = clientOf(world);
    const places = new AuthorityPlaces(ALL);
    expect((await places.ask(client, '/x?y=1', GET)).status).toBe(200);
    expect(asked).toEqual(['https://a:1/x?y=1', 'https://c:3/x?y=1']);
    // It is remembered, as long as it leads.
    await places.ask(client, '/x', GET);
    expect(asked.slice(2)).toEqual(['https://c:3/x']);
    world['https://c:3'] = undefined;
    world['https://b:2'] = 200;
    expect((await places.ask(client, '/x', GET)).status).toBe(200);
    expect(asked.at(-1)).toBe('https://b:2/x');
  });

  it('give the answer of the last where nobody leads, and its silence', async () => {
    const { client, asked } = clientOf({
      'https://a:1': undefined,
      'https://b:2': '//a:1/',
      'https://c:3': 503,
    });
    const places = new AuthorityPlaces(ALL);
    expect((await places.ask(client, '/x', GET)).status).toBe(503);
    expect(asked).toHaveLength(4);
    await expect(new AuthorityPlaces('https://a:1').ask(client, '/x', GET)).rejects.toThrow('away');
  });

  it('take any other answer for one of the leader', async () => {
    for (const status of [200, 400, 403, 404, 409, 500]) {
      const { client, asked } = clientOf({ 'https://a:1': status });
      expect((await new AuthorityPlaces(ALL).ask(client, '/x', GET)).status).toBe(status);
      expect(asked).toHaveLength(1);
    }
  });

  it('are spoken to by TLS where that is wanted', async () => {
    const { client, asked } = clientOf({ 'https://a:1': 200 });
    await new AuthorityPlaces('http://a:1').secure.ask(client, '/x', GET);
    expect(asked).toEqual(['https://a:1/x']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMeshLabel, meshLabelProblem, readMeshLabels } from './mesh-labels.ts';

const read = (labels: Readonly<Record<string, string>>) => readMeshLabels(new Map(Object.entries(labels)));

describe('labels that ask for mutual TLS', () => {
  it('say who may come, and which services are called', () => {
    expect(read({})).toEqual({ mode: 'off', upstreams: [] });
    expect(read({ 'rimrock.mtls': ' strict ' })).toEqual({ mode: 'strict', upstreams: [] });
    expect(read({ 'rimrock.upstreams': 'server, api-v2:http,other/db:1' })).toEqual({
      mode: 'off',
      upstreams: [
        { service: 'server', port: '0', variable: 'RIMROCK_UPSTREAM_SERVER' },
        { service: 'api-v2', port: 'http', variable: 'RIMROCK_UPSTREAM_API_V2_HTTP' },
        { service: 'other/db', port: '1', variable: 'RIMROCK_UPSTREAM_OTHER_DB_1' },
      ],
    });
  });

  it.each([
    ['rimrock.mtls', 'strikt', /did you mean strict/],
    ['rimrock.mtls', '', /none of off, permissive, strict/],
    ['rimrock.upstreams', 'server,,api', /'' is not a service/],
    ['rimrock.upstreams', 'a/b/c', /'a\/b\/c' is not a service/],
    ['rimrock.upstreams', 'http://server', /is not a service/],
    ['rimrock.upstreams', 'my-app,my.app', /RIMROCK_UPSTREAM_MY_APP/],
    ['rimrock.upstreams', Array.from({ length: 51 }, (_, i) => `s${i}`).join(), /more than 50/],
  ])('%s: %s is wrong', (label, value, why) => {
    expect(meshLabelProblem(label, value)).toMatch(why);
    expect(read({ [label]: value })).toMatch(why);
  });

  it('take any text without harm, and agree on it', () => {
    fc.assert(
      fc.property(fc.constantFrom('rimrock.mtls', 'rimrock.upstreams'), fc.string(), (label, value) => {
        expect(isMeshLabel(label)).toBe(true);
        const wishes = read({ [label]: value });
        expect(typeof wishes === 'string').toBe(meshLabelProblem(label, value) !== undefined);
        if (typeof wishes === 'string') return;
        for (const { variable } of wishes.upstreams) expect(variable).toMatch(/^[A-Z0-9_]+$/);
      }),
    );
  });

  it('are only these', () => {
    expect(isMeshLabel('rimrock.http')).toBe(false);
    expect(meshLabelProblem('rimrock.http.web.host', 'strikt')).toBeUndefined();
  });
});

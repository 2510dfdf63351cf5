import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { curl, digShort, has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';

describe.skipIf(!has('dig') || !has('curl'))(
  'an edge whose configuration changes (needs dig and curl)',
  () => {
    let site: Site;
    let folder: string;
    let edge: Running;

    const write = (records: string, more = ''): void => {
      const text = `cluster: {masters: ['127.0.0.1:1']}
dns: {port: ${site.ports.dns}, httpPort: ${site.ports.dnsHttp}, externalOn: false, records: ${records}${more}}
lb: {http: {port: ${site.ports.http}}, admin: {port: ${site.ports.admin}}}
`;
      // Editors and orchestrators put a new file in the place of the old one.
      writeFileSync(join(folder, 'new'), text);
      renameSync(join(folder, 'new'), join(folder, 'edge.yaml'));
    };
    const record = (value: string): string => `[{name: db.mesos, type: A, value: ${value}}]`;
    const answers = (value: string) =>
      eventually(
        `db.mesos to be ${value}`,
        async () => (await digShort(site.ports.dns, 'db.mesos')).join() === value,
      );

    beforeAll(async () => {
      site = await Site.make();
      folder = mkdtempSync(join(tmpdir(), 'rimrock-reload-'));
      write(record('10.7.0.1'));
      edge = await site.start('edge', {
        arguments: ['--config', join(folder, 'edge.yaml')],
        until: 'spawned',
      });
    });
    afterAll(async () => {
      await site.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('answers its own records although no master is there', async () => {
      await answers('10.7.0.1');
    });

    it('takes over other records when the file changes', async () => {
      write(record('10.7.0.2'));
      await answers('10.7.0.2');
    });

    it('takes them over on SIGHUP, names what needs a restart, and goes on running', async () => {
      write(record('10.7.0.3'), ', ttlSeconds: 5');
      process.kill(edge.pid, 'SIGHUP');
      await answers('10.7.0.3');
      await eventually('the log', () => edge.output().includes('needs a restart: dns.ttlSeconds'));
    });

    it('keeps what it has when the file is broken, and says what is wrong', async () => {
      write('[{name: db.mesos, type: A, value: nonsense}]');
      process.kill(edge.pid, 'SIGHUP');
      await eventually('the log', () => edge.output().includes("'nonsense' is not an IPv4 address"));
      expect(await digShort(site.ports.dns, 'db.mesos')).toEqual(['10.7.0.3']);
      const { body } = await curl(`http://127.0.0.1:${site.ports.dnsHttp}/metrics`);
      expect(body).toMatch(/rimrock_config_reloads_total\{outcome="refused"\} [1-9]/);
      expect(await edge.interrupt()).toBe(0);
    });
  },
);

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { dig, digShort, has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { ReplayMaster } from '../support/replay-master.ts';

// Masters that speak https, want a client certificate and a password: with the keys that Mesos-DNS has for it.

describe.skipIf(!has('dig') || !has('openssl'))(
  'the edge and masters with https (needs dig and openssl)',
  () => {
    let site: Site;
    let server: Server;
    /** Who asked for the state: subject of the client certificate and authorization header. */
    let asked: (readonly [string, string])[];

    const file = (name: string): string => join(site.data, name);
    const openssl = (...arguments_: string[]): void =>
      void execFileSync('openssl', arguments_, { cwd: site.data, stdio: 'ignore' });
    const authority = (name: string): void =>
      openssl(
        ...'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority'.split(' '),
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.pem`,
      );
    const certificate = (name: string): void => {
      openssl(
        ...'req -newkey rsa:2048 -nodes'.split(' '),
        '-subj',
        `/CN=${name}`,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
      );
      writeFileSync(file('names'), 'subjectAltName=IP:127.0.0.1');
      const signed = 'x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names';
      openssl(...signed.split(' '), '-in', `${name}.csr`, '-out', `${name}.pem`);
    };

    beforeEach(async () => {
      site = await Site.make();
      asked = [];
      authority('ca');
      authority('other');
      certificate('master');
      certificate('edge');
      const { state } = new ReplayMaster().situation('master-running');
      const text = typeof state === 'string' ? state : JSON.stringify(state);
      const options = { key: readFileSync(file('master.key')), cert: readFileSync(file('master.pem')) };
      server = createServer(
        { ...options, ca: readFileSync(file('ca.pem')), requestCert: true, rejectUnauthorized: false },
        (request, response) => {
          if (request.method !== 'GET' || request.url !== '/master/state') {
            response.writeHead(501).end();
            return;
          }
          const subject = (request.socket as TLSSocket).getPeerCertificate().subject as
            | { CN?: string }
            | undefined;
          asked.push([subject?.CN ?? '', request.headers.authorization ?? '']);
          response.end(text);
        },
      );
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    });
    afterEach(async () => {
      await site.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    const startEdge = (more: object, until: 'ready' | 'spawned'): Promise<Running> => {
      const config = {
        masters: [`127.0.0.1:${(server.address() as AddressInfo).port}`],
        mesosHTTPSOn: true,
        refreshSeconds: 1,
        port: site.ports.dns,
        httpPort: site.ports.dnsHttp,
        listener: '127.0.0.1',
        httpListener: '127.0.0.1',
        externalOn: false,
        ...more,
      };
      writeFileSync(file('config.json'), JSON.stringify(config));
      const lb = ['--set', `lb.http.port=${site.ports.http}`, '--set', `lb.admin.port=${site.ports.admin}`];
      return site.start('edge', { arguments: ['--config', file('config.json'), ...lb], until });
    };

    it('shows its certificate and password to a master that the given authority vouches for', async () => {
      const more = {
        caCertFile: 'ca.pem',
        certFile: file('edge.pem'),
        keyFile: file('edge.key'),
        mesosAuthentication: 'basic',
        mesosCredentials: { principal: 'dns', secret: 'open sesame' },
      };
      await startEdge(more, 'ready');
      expect(await digShort(site.ports.dns, 'px.marathon.mesos')).toEqual(['10.9.8.7']);
      expect(asked[0]).toEqual(['edge', `Basic ${Buffer.from('dns:open sesame').toString('base64')}`]);
    });

    it.each([
      ['no authority is given', {}],
      ['another authority is given', { caCertFile: 'other.pem' }],
    ])('does not believe such a master when %s', async (_when, more) => {
      await startEdge(more, 'spawned');
      const ready = async (): Promise<string> =>
        JSON.stringify((await call('GET', `http://127.0.0.1:${site.ports.admin}/ready`)).json);
      await eventually('the edge to have tried', async () => (await ready()).includes('certificate'));
      expect(await ready()).toContain('"ready":false');
      expect((await dig(site.ports.dns, 'px.marathon.mesos')).status).toBe('SERVFAIL');
      expect(asked).toEqual([]);
    });
  },
);

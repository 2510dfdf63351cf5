import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { askAs } from './ask-as.ts';
import type { AskAnswer, AskOptions } from './ask-as.ts';
import { ConsulServer } from './consul.ts';
import { eventually } from './eventually.ts';
import { freePorts } from './free-ports.ts';
import { Site } from './platform.ts';
import type { Role, Running } from './platform.ts';
import { root } from './root.ts';

const PREFIX = 'test';
const PASSWORD = 'a-long-password-for-tests';

/** Parts log in to the master with principals of their own. */
const secretOf = (principal: string): string => `secret of ${principal}`;
const CREDENTIALS = JSON.stringify({
  credentials: ['operator', 'agent', 'marathon'].map((principal) => ({
    principal,
    secret: secretOf(principal),
  })),
});
export const OPERATOR = `Basic ${Buffer.from(`operator:${secretOf('operator')}`).toString('base64')}`;

/** One of several masters, with the folder where it writes who its operator is. */
export interface SealedMaster {
  readonly name: string;
  readonly port: number;
  readonly auth: number;
  readonly running: Running;
}

/** Consul, and masters that share identity in it, sealed: TLS and logins are required everywhere. */
export class SealedMasters {
  readonly site: Site;
  readonly consul: ConsulServer;
  readonly masters: SealedMaster[] = [];
  readonly #settings: Readonly<Record<string, string>>;

  private constructor(site: Site, consul: ConsulServer, settings: Readonly<Record<string, string>>) {
    this.site = site;
    this.consul = consul;
    this.#settings = settings;
  }

  /** `settings`: of all masters. */
  static async start(n: number, settings: Readonly<Record<string, string>> = {}): Promise<SealedMasters> {
    const all = new SealedMasters(await Site.make(), await ConsulServer.start(), settings);
    writeFileSync(join(all.site.data, 'passphrase'), 'a passphrase of all masters\n', { mode: 0o600 });
    writeFileSync(join(all.site.data, 'credentials.json'), CREDENTIALS, { mode: 0o600 });
    const ports = await freePorts(2 * n);
    for (let i = 0; i < n; i++)
      await all.launch({ name: `master-${i}`, port: ports[2 * i] ?? 0, auth: ports[2 * i + 1] ?? 0 });
    return all;
  }

  /** Also in the place of one that was killed. */
  async launch({ name, port, auth }: Omit<SealedMaster, 'running'>): Promise<SealedMaster> {
    const running = await this.#start('master', {
      data: join(this.site.data, name),
      'master.port': String(port),
      'master.hostname': '127.0.0.1',
      'auth.port': String(auth),
      'auth.required': 'true',
      'auth.login.credentials': join(this.site.data, 'credentials.json'),
      'auth.keys.passphraseFile': join(this.site.data, 'passphrase'),
      'store.engine': 'consul',
      'store.consul.address': this.consul.address,
      'store.consul.prefix': PREFIX,
      ...this.#settings,
    });
    const master = { name, port, auth, running };
    const at = this.masters.findIndex((m) => m.name === name);
    this.masters.splice(at < 0 ? this.masters.length : at, at < 0 ? 0 : 1, master);
    return master;
  }

  /** Agent or Marathon, which find the leader in Consul and the authority by the addresses of all masters. */
  join(role: 'agent' | 'marathon', token: string, more: Readonly<Record<string, string>>): Promise<Running> {
    return this.#start(role, {
      data: join(this.site.data, role),
      'auth.join.url': this.authorities,
      'auth.join.token': token,
      [`${role}.master`]: `consul://127.0.0.1:${this.consul.port}/${PREFIX}`,
      [`${role}.principal`]: role,
      [`${role}.secret`]: secretOf(role),
      [`${role}.port`]: String(this.site.ports[role]),
      'auth.required': 'true',
      'auth.login.credentials': join(this.site.data, 'credentials.json'),
      ...more,
    });
  }

  get authorities(): string {
    return this.masters.map(({ auth }) => `https://127.0.0.1:${auth}`).join();
  }

  /** The master that leads, by its own word. */
  leader(timeoutMs = 30_000): Promise<SealedMaster> {
    return eventually(
      'a master to lead',
      async () => {
        for (const master of this.masters) {
          const answer = await this.ask(
            master,
            '/slaves',
            { login: OPERATOR, timeoutMs: 1_000 },
            'port',
          ).catch(() => undefined);
          if (answer?.status === 200) return master;
        }
        return undefined;
      },
      { timeoutMs },
    );
  }

  standby(leader: SealedMaster): SealedMaster {
    const [standby] = this.masters.filter((m) => m !== leader);
    if (!standby) throw new Error('there is one master');
    return standby;
  }

  folder({ name }: SealedMaster): string {
    return join(this.site.data, name, 'master-auth');
  }

  /** As its operator, at its identity API or (`port`) at its own. */
  ask(
    master: SealedMaster,
    path: string,
    options: AskOptions = {},
    at: 'auth' | 'port' = 'auth',
  ): Promise<AskAnswer> {
    const folder = this.folder(master);
    const as = { identity: join(folder, 'operator.pem'), bundle: join(folder, 'bundle.pem') };
    return askAs(as, master[at], path, options);
  }

  /** The field `authorization` of account `admin`; `first`: with the password that the leader shows once. */
  async logIn(leader: SealedMaster, first = false): Promise<string> {
    const shown = /account admin, one-time password (\S+) /.exec(leader.running.output())?.[1];
    const body = {
      uid: 'admin',
      password: first ? shown : PASSWORD,
      ...(first && { new_password: PASSWORD }),
    };
    const { status, text } = await this.ask(leader, '/acs/api/v1/auth/login', { method: 'POST', body });
    if (status !== 200) throw new Error(`login: ${status} ${text}`);
    return `token=${(JSON.parse(text) as { token: string }).token}`;
  }

  /** `rimrock token create`, as the operator of that machine runs it. */
  async token(master: SealedMaster, joiner: string, name: string, login: string): Promise<string> {
    const words = ['token', 'create', '--for', joiner, '--name', name];
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['bin/rimrock.mjs', ...words, '--api', `http://127.0.0.1:${master.auth}`],
      {
        cwd: root,
        env: {
          ...process.env,
          RIMROCK_IDENTITY: join(this.folder(master), 'operator.pem'),
          RIMROCK_TOKEN: login.replace('token=', ''),
        },
      },
    );
    return stdout.trim();
  }

  async close(): Promise<void> {
    await this.site.close();
    await this.consul.close();
  }

  #start(role: Role, settings: Readonly<Record<string, string>>): Promise<Running> {
    const all = { 'auth.tls': 'required', ...settings };
    const set = Object.entries(all).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    return this.site.start(role, { arguments: set, readyMs: 60_000 });
  }
}

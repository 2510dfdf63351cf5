import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { askAs } from './ask-as.ts';
import type { AskAnswer, AskOptions } from './ask-as.ts';
import { Site } from './platform.ts';
import type { Role, Running } from './platform.ts';
import { root } from './root.ts';

/** Master, agent, Marathon and edge as processes of their own that have joined by tokens, with TLS between them. */
export class TlsCluster {
  readonly site: Site;
  readonly running = new Map<Role, Running>();
  readonly #settings: Readonly<Record<string, string>>;
  /** Of the account `admin`, where logins are required. */
  #login = '';

  private constructor(site: Site, settings: Readonly<Record<string, string>>) {
    this.site = site;
    this.#settings = settings;
  }

  /** `settings`: of all of them, on top; `joining`: who is started beside the master. */
  static async start(
    settings: Readonly<Record<string, string>> | ((site: Site) => Readonly<Record<string, string>>) = {},
    joining: readonly (keyof typeof JOINING)[] = ['agent', 'marathon', 'edge'],
  ): Promise<TlsCluster> {
    const site = await Site.make();
    const cluster = new TlsCluster(site, typeof settings === 'function' ? settings(site) : settings);
    const master = await cluster.startMaster();
    if (cluster.#settings['auth.required'] === 'true') await cluster.#logIn(master);
    for (const role of joining) await cluster.join(role);
    return cluster;
  }

  /** Start a part for the first time, with a token of its own. */
  async join(role: keyof typeof JOINING, more: Readonly<Record<string, string>> = {}): Promise<Running> {
    const { joiner, sections } = JOINING[role];
    return this.start(role, sections, {
      ...more,
      'auth.join.token': await this.token(joiner, `the-${role}`),
    });
  }

  /** As the account `admin`, with the password that the master shows once. */
  async #logIn(master: Running): Promise<void> {
    const [, password] = /account admin, one-time password (\S+) /.exec(master.output()) ?? [];
    const body = { uid: 'admin', password, new_password: 'a-long-password-for-tests' };
    const { text } = await this.ask(this.site.ports.auth, '/acs/api/v1/auth/login', { method: 'POST', body });
    this.#login = (JSON.parse(text) as { token: string }).token;
  }

  startMaster(): Promise<Running> {
    return this.start('master', ['data', 'master', 'auth']);
  }

  /** The file of the operator on the machine of the master, with certificate and key. */
  get operator(): string {
    return join(this.site.data, 'master-auth', 'operator.pem');
  }

  get bundle(): string {
    return join(this.site.data, 'master-auth', 'bundle.pem');
  }

  /** Every port of the control plane. */
  get ports(): ReadonlyMap<string, number> {
    const { master, agent, marathon, dnsHttp, admin, auth } = this.site.ports;
    return new Map(Object.entries({ master, agent, marathon, dnsHttp, admin, auth }));
  }

  /** `rimrock token create`, as the operator runs it. */
  async token(joiner: string, name: string): Promise<string> {
    const api = `http://127.0.0.1:${this.site.ports.auth}`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['bin/rimrock.mjs', 'token', 'create', '--for', joiner, '--name', name, '--api', api],
      { cwd: root, env: { ...process.env, RIMROCK_IDENTITY: this.operator, RIMROCK_TOKEN: this.#login } },
    );
    return stdout.trim();
  }

  async start(
    role: Role,
    sections: readonly string[],
    more: Readonly<Record<string, string>> = {},
    until: 'ready' | 'spawned' = 'ready',
  ): Promise<Running> {
    const settings = {
      ...this.site.settings(sections),
      'auth.tls': 'required',
      ...this.#settings,
      ...(role === 'master'
        ? {}
        : {
            'auth.join.url': `https://127.0.0.1:${this.site.ports.auth}`,
            'auth.join.folder': join(this.site.data, `${role}-identity`),
          }),
      ...(role === 'agent' ? { 'agent.onStop': 'kill' } : {}),
      ...more,
    };
    const set = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const running = await this.site.start(role, { arguments: set, until, readyMs: 60_000 });
    this.running.set(role, running);
    return running;
  }

  /** One request over a connection of its own, with the newest certificate of the operator. */
  ask(
    port: number,
    path: string,
    { identity = this.operator, ...options }: AskOptions & { readonly identity?: string } = {},
  ): Promise<AskAnswer> {
    return askAs({ identity, bundle: this.bundle }, port, path, options);
  }

  close(): Promise<void> {
    return this.site.close();
  }
}

const JOINING = {
  agent: { joiner: 'agent', sections: ['data', 'agent'] },
  marathon: { joiner: 'framework', sections: ['data', 'marathon'] },
  edge: { joiner: 'edge', sections: ['cluster', 'dns', 'lb'] },
} as const;

import { describe, expect, it } from 'vitest';
import { FakeWorld } from '../testing/fake-world.ts';
import { main } from './main.ts';

async function call(...words: string[]): Promise<{ status: number; world: FakeWorld }> {
  const world = new FakeWorld({ '/here/good.yaml': 'dns: {port: 5300}', '/here/bad.yaml': 'dnss: {}' });
  return { status: await main(words, world), world };
}

describe('the rimrock command', () => {
  it('explains itself without arguments', async () => {
    const { status, world } = await call();
    expect(status).toBe(0);
    for (const word of ['Usage: rimrock', 'up', 'edge', 'master', 'agent', 'marathon', 'config.json'])
      expect(world.stdout).toContain(word);
    expect(world.stderr).toBe('');
  });

  it.each(['up', 'edge', 'master', 'agent', 'marathon'])('%s explains itself', async (role) => {
    const { status, world } = await call(role, '--help');
    expect(status).toBe(0);
    for (const word of [
      `Usage: rimrock ${role}`,
      '--config',
      '--set',
      '--check-config',
      '--print-config',
      'Reads the sections',
    ])
      expect(world.stdout).toContain(word);
  });

  it.each([[['--version']], [['-V']], [['up', '--version']]])('%j says the version', async (words) => {
    const { status, world } = await call(...words);
    expect([status, world.stdout]).toEqual([0, '9.9.9\n']);
  });

  it.each([
    [['edgee'], /unknown command 'edgee'[^]*Did you mean edge/],
    [['edge', '--confg', 'x'], /unknown option '--confg'[^]*Did you mean --config/],
    [['edge', 'file'], /too many arguments/],
    [['edge', '--config'], /argument missing/],
    [['--nonsense'], /unknown option[^]*\(rimrock --help explains\)/],
    [['token', 'create'], /'--for <what>' not specified[^]*\(rimrock token create --help explains\)/],
  ])('%j is wrong usage', async (words, said) => {
    const { status, world } = await call(...words);
    expect([status, world.stdout]).toEqual([2, '']);
    expect(world.stderr).toMatch(said);
  });

  it('checks a configuration', async () => {
    const right = await call('edge', '--config', 'good.yaml', '--check-config');
    expect([right.status, right.world.stdout]).toEqual([0, 'OK\n']);
    const wrong = await call('edge', '--config', 'bad.yaml', '--check-config', '--set', 'lb.http.port=none');
    expect([wrong.status, wrong.world.stdout]).toEqual([1, '']);
    expect(wrong.world.stderr).toMatch(/dnss: unknown key 'dnss'; did you mean 'dns'\?/);
    expect(wrong.world.stderr).toMatch(/lb\.http\.port: /);
  });

  it.each([
    [['-config', 'good.yaml', '-v=1'], 'debug'],
    [['-v', '2', '-config=good.yaml'], 'trace'],
    [['--config=good.yaml', '--v=0', '-logtostderr=true', '-log_dir', '/tmp', '-vmodule=a=2'], 'auto'],
    [['-v=1', '-config', 'good.yaml', '--set', 'log.level=warn'], 'warn'],
  ])('takes the flags of Mesos-DNS: %j', async (words, level) => {
    const { status, world } = await call('edge', ...words, '--print-config');
    expect([status, /port: 5300/.test(world.stdout)]).toEqual([0, true]);
    expect(world.stdout).toMatch(new RegExp(`level: ${level}$`, 'm'));
    for (const word of words.filter((w) => /^-(log|vmodule)/.test(w)))
      expect(world.stderr).toContain(`note: ${word} is ignored`);
  });

  it('takes them for the edge alone, and as Mesos-DNS does', async () => {
    const version = await call('edge', '-version');
    expect([version.status, version.world.stdout]).toEqual([0, '9.9.9\n']);
    const wrong = await call('edge', '-v=much');
    expect([wrong.status, wrong.world.stderr]).toEqual([2, expect.stringContaining("'-v=much'")]);
    expect((await call('edge', '-config')).world.stderr).toMatch(/argument missing/);
    expect((await call('up', '-version')).status).toBe(2);
  });

  it('prints what is in effect', async () => {
    const { status, world } = await call('edge', '-c', 'good.yaml', '-s', 'dns.domain=dc', '--print-config');
    expect(status).toBe(0);
    expect(world.stdout).toMatch(/^dns:$[^]*port: 5300[^]*domain: dc/m);
    expect(world.stdout).not.toMatch(/^master:/m);
  });
});

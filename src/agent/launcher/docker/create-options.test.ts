import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContainerInfo, DockerInfo } from '../../../mesos/index.ts';
import type { LaunchSpec } from '../launcher.ts';
import { dockerConfigSchema } from './config.ts';
import { createOptions } from './create-options.ts';

describe('what the engine is told of a container', () => {
  let sandbox: string;
  beforeEach(async () => {
    sandbox = await mkdtemp(join(tmpdir(), 'sandbox-'));
  });
  afterEach(() => rm(sandbox, { recursive: true, force: true }));

  const options = (
    docker: Partial<DockerInfo>,
    more: {
      readonly container?: Partial<ContainerInfo>;
      readonly spec?: Partial<LaunchSpec>;
      readonly config?: Record<string, unknown>;
    } = {},
  ): ReturnType<typeof createOptions> =>
    createOptions(
      {
        containerId: 'c1',
        argv: [''],
        environment: { A: '1' },
        sandbox,
        runtimeDir: '/meta/c1',
        container: { type: 'DOCKER', docker: { image: 'img', ...docker }, ...more.container },
        ...more.spec,
      },
      dockerConfigSchema.parse(more.config ?? {}),
    );
  const parameters = (...pairs: [key: string, value: string][]): Partial<DockerInfo> => ({
    parameters: pairs.map(([key, value]) => ({ key, value })),
  });

  it('names it, labels it, and mounts the sandbox where Mesos does', async () => {
    const told = await options({});
    expect(told).toMatchObject({
      name: 'mesos-c1',
      Image: 'img',
      Labels: { 'rimrock.container': 'c1', 'rimrock.runtime-dir': '/meta/c1' },
      HostConfig: {
        NetworkMode: 'host',
        Mounts: [{ Type: 'bind', Source: sandbox, Target: '/mnt/mesos/sandbox', ReadOnly: false }],
      },
    });
    expect(told.Env).toEqual([
      'A=1',
      'MESOS_SANDBOX=/mnt/mesos/sandbox',
      'MESOS_CONTAINER_NAME=mesos-c1',
      'RIMROCK_CONTAINER_ID=c1',
    ]);
  });

  it('tells paths of the sandbox as the container sees them', async () => {
    const environment = {
      KEY: `${sandbox}/key.pem`,
      SOCKET: `unix://${sandbox}/s`,
      MESOS_DIRECTORY: sandbox,
    };
    const { Env } = await options({}, { spec: { environment } });
    expect(Env).toEqual(
      expect.arrayContaining([
        'KEY=/mnt/mesos/sandbox/key.pem',
        'SOCKET=unix:///mnt/mesos/sandbox/s',
        `MESOS_DIRECTORY=${sandbox}`,
      ]),
    );
  });

  it.each<[LaunchSpec['argv'], object]>([
    [[''], { Entrypoint: undefined, Cmd: undefined }],
    [['', '-v'], { Entrypoint: undefined, Cmd: ['-v'] }],
    [['serve', '-v'], { Entrypoint: undefined, Cmd: ['serve', '-v'] }],
    [['/bin/sh', '-c', 'exit 3'], { Entrypoint: ['/bin/sh'], Cmd: ['-c', 'exit 3'] }],
  ])('the command %j', async (argv, expected) => {
    const { Entrypoint, Cmd } = await options({}, { spec: { argv } });
    expect({ Entrypoint, Cmd }).toEqual(expected);
  });

  it('limits what was asked for', async () => {
    const quantities = { cpus: 0.5, cpuLimit: 1.5, memBytes: 64 * 2 ** 20, pids: 20 };
    expect((await options({}, { spec: { quantities } })).HostConfig).toMatchObject({
      CpuShares: 512,
      CpuPeriod: 100_000,
      CpuQuota: 150_000,
      Memory: 64 * 2 ** 20,
      MemorySwap: 64 * 2 ** 20,
      PidsLimit: 20,
    });
    const free = { cpus: 0.001, memBytes: 2 ** 20, memLimitBytes: Infinity };
    const { HostConfig } = await options({}, { spec: { quantities: free } });
    expect([HostConfig?.CpuShares, HostConfig?.Memory, HostConfig?.CpuQuota]).toEqual([
      2,
      undefined,
      undefined,
    ]);
  });

  it('maps ports, of one protocol or both', async () => {
    const port_mappings = [
      { host_port: 31000, container_port: 80 },
      { host_port: 31001, container_port: 53, protocol: 'udp,tcp' },
    ];
    const told = await options({ network: 'BRIDGE', port_mappings });
    expect(told.ExposedPorts).toEqual({ '80/tcp': {}, '53/udp': {}, '53/tcp': {} });
    expect(told.HostConfig?.PortBindings).toEqual({
      '80/tcp': [{ HostPort: '31000' }],
      '53/udp': [{ HostPort: '31001' }],
      '53/tcp': [{ HostPort: '31001' }],
    });
  });

  it('joins a network by its name, with a fixed address', async () => {
    const network_infos = [{ name: 'blue', ip_addresses: [{ ip_address: '10.1.0.7' }] }];
    const told = await options(
      { network: 'USER', ...parameters(['net-alias', 'db']) },
      { container: { network_infos } },
    );
    expect(told.HostConfig?.NetworkMode).toBe('blue');
    expect(told.NetworkingConfig?.EndpointsConfig).toEqual({
      blue: { Aliases: ['db'], IPAMConfig: { IPv4Address: '10.1.0.7' } },
    });
  });

  it('takes the options of docker run', async () => {
    const told = await options(
      parameters(
        ['label', 'a=b=c'],
        ['env', 'X=1'],
        ['cap-drop', 'ALL'],
        ['ulimit', 'nofile=10:20'],
        ['tmpfs', '/run:size=1m'],
        ['log-driver', 'local'],
        ['log-opt', 'max-size=1m'],
        ['dns', '10.0.0.1'],
        ['dns-opt', 'ndots:1'],
        ['add-host', 'h:10.0.0.2'],
        ['shm-size', '64m'],
        ['init', 'true'],
        ['read-only', ''],
        ['security-opt', 'no-new-privileges'],
        ['sysctl', 'net.core.somaxconn=99'],
        ['entrypoint', '/run.sh'],
        ['workdir', '/srv'],
        ['hostname', 'h1'],
        ['ipc', 'private'],
      ),
    );
    expect(told).toMatchObject({
      Labels: { a: 'b=c', 'rimrock.container': 'c1' },
      Entrypoint: ['/run.sh'],
      WorkingDir: '/srv',
      Hostname: 'h1',
      HostConfig: {
        CapDrop: ['ALL'],
        Ulimits: [{ Name: 'nofile', Soft: 10, Hard: 20 }],
        Tmpfs: { '/run': 'size=1m' },
        LogConfig: { Type: 'local', Config: { 'max-size': '1m' } },
        Dns: ['10.0.0.1'],
        DnsOptions: ['ndots:1'],
        ExtraHosts: ['h:10.0.0.2'],
        ShmSize: 64 * 2 ** 20,
        Init: true,
        ReadonlyRootfs: true,
        SecurityOpt: ['no-new-privileges'],
        Sysctls: { 'net.core.somaxconn': '99' },
        IpcMode: 'private',
      },
    });
    expect(told.Env).toContain('X=1');
  });

  it('a parameter cannot take the labels or the name of somebody else', async () => {
    const told = await options(
      parameters(['label', 'rimrock.container=c2'], ['env', 'RIMROCK_CONTAINER_ID=c2']),
    );
    expect(told.Labels?.['rimrock.container']).toBe('c1');
    expect(told.Env?.at(-1)).toBe('RIMROCK_CONTAINER_ID=c1'); // the last one counts
  });

  it.each<[string, Partial<DockerInfo>, RegExp]>([
    ['an unknown parameter', parameters(['frobnicate', 'x']), /parameter frobnicate is not supported/],
    ['a name of Object', parameters(['constructor', 'x']), /parameter constructor is not supported/],
    ['restart', parameters(['restart', 'always']), /restart is not supported: the framework/],
    ['memory', parameters(['memory', '1g']), /the resources of the task say it/],
    ['privileged', { privileged: true }, /privileged needs agent.docker.allowPrivileged/],
    ['a capability', parameters(['cap-add', 'SYS_ADMIN']), /cap-add=SYS_ADMIN needs/],
    ['a device', parameters(['device', '/dev/sda']), /needs agent.docker.allowPrivileged/],
    ['processes of the host', parameters(['pid', 'host']), /pid=host needs/],
    ['no seccomp', parameters(['security-opt', 'seccomp=unconfined']), /needs agent.docker.allowPrivileged/],
    ['a size that is none', parameters(['shm-size', 'big']), /shm-size is a size/],
    ['a ulimit that is none', parameters(['ulimit', 'x']), /name=soft:hard/],
    ['a volume that is none', parameters(['volume', 'x']), /written source:target/],
    ['ports of the host network', { port_mappings: [{ host_port: 1, container_port: 1 }] }, /BRIDGE or USER/],
    ['a network without name', { network: 'USER' }, /exactly one of network_infos/],
    [
      'a protocol that is none',
      { network: 'BRIDGE', port_mappings: [{ host_port: 1, container_port: 1, protocol: 'icmp' }] },
      /tcp, udp or sctp/,
    ],
  ])('refuses %s', async (_, docker, words) => {
    await expect(options(docker)).rejects.toThrow(words);
  });

  it('gives privileges where the operator allows them', async () => {
    const config = { allowPrivileged: true };
    const told = await options({ privileged: true, ...parameters(['cap-add', 'NET_ADMIN']) }, { config });
    expect(told.HostConfig).toMatchObject({ Privileged: true, CapAdd: ['NET_ADMIN'] });
  });

  describe('volumes', () => {
    const mounts = async (
      volumes: ContainerInfo['volumes'],
      config: Record<string, unknown> = {},
      docker: Partial<DockerInfo> = {},
    ): Promise<unknown> => {
      const told = await options(docker, { container: { volumes: volumes ?? [] }, config });
      return (told.HostConfig?.Mounts as unknown[] | undefined)?.slice(1);
    };

    it('of the machine, of the sandbox, and of the engine', async () => {
      const host = join(sandbox, 'made', 'for-it');
      expect(
        await mounts(
          [
            { container_path: '/a', mode: 'RW', host_path: host },
            { container_path: '/b', mode: 'RO', host_path: 'own' },
            { container_path: 'c', mode: 'RW', source: { sandbox_path: { path: 'other' } } },
            {
              container_path: '/d',
              mode: 'RW',
              source: {
                docker_volume: {
                  name: 'v1',
                  driver: 'nfs',
                  driver_options: { parameter: [{ key: 'o', value: 'ro' }] },
                },
              },
            },
          ],
          {},
          parameters(['volume', '/etc:/e:ro']),
        ),
      ).toEqual([
        { Type: 'bind', Source: host, Target: '/a', ReadOnly: false },
        { Type: 'bind', Source: join(sandbox, 'own'), Target: '/b', ReadOnly: true },
        { Type: 'bind', Source: join(sandbox, 'other'), Target: '/mnt/mesos/sandbox/c', ReadOnly: false },
        {
          Type: 'volume',
          Source: 'v1',
          Target: '/d',
          ReadOnly: false,
          VolumeOptions: { DriverConfig: { Name: 'nfs', Options: { o: 'ro' } } },
        },
        { Type: 'bind', Source: '/etc', Target: '/e', ReadOnly: true },
      ]);
      expect((await stat(host)).isDirectory()).toBe(true);
    });

    it('only below the folders that the operator allows, links followed', async () => {
      await mkdir(join(sandbox, 'shared'));
      await symlink('/etc', join(sandbox, 'shared', 'link'));
      const config = { hostPaths: [join(sandbox, 'shared')] };
      const of = (host_path: string): Promise<unknown> =>
        mounts([{ container_path: '/x', mode: 'RW', host_path }], config);
      await expect(of(join(sandbox, 'shared', 'mine'))).resolves.toHaveLength(1);
      await expect(of(`${sandbox}/shared/../other`)).rejects.toThrow('not below a folder');
      await expect(of(`${sandbox}/shared-not`)).rejects.toThrow('not below a folder');
      await expect(of(join(sandbox, 'shared', 'link'))).rejects.toThrow('not below a folder');
    });

    it('never out of the sandbox by a link that a task has brought', async () => {
      await symlink('/etc', join(sandbox, 'link'));
      const of = (host_path: string): Promise<unknown> =>
        mounts([{ container_path: '/x', mode: 'RW', host_path }]);
      await expect(of('link')).rejects.toThrow('leads out of the sandbox');
      await expect(of('../x')).rejects.toThrow('leads out of the sandbox');
    });

    it('says when a folder cannot be made', async () => {
      await writeFile(join(sandbox, 'file'), '');
      await expect(
        mounts([{ container_path: '/x', mode: 'RW', host_path: join(sandbox, 'file', 'below') }]),
      ).rejects.toThrow('cannot be made');
    });
  });
});

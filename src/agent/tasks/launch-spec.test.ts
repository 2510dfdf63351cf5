import { describe, expect, it } from 'vitest';
import { FRAMEWORK } from '../testing/task-context.ts';
import { launchSpec, quantitiesOf, userOf } from './launch-spec.ts';

const scalar = (name: string, value: number, role = '*') =>
  ({ name, type: 'SCALAR', scalar: { value }, role }) as const;

describe('what a container may have', () => {
  it('sums up resources of all roles, and takes limits into account', () => {
    const both = [scalar('cpus', 0.5), scalar('cpus', 0.25, 'web'), scalar('mem', 32), scalar('disk', 10)];
    expect(quantitiesOf(both, undefined)).toEqual({ cpus: 0.75, memBytes: 32 * 1024 * 1024 });
    expect(quantitiesOf(both, { cpus: { value: Infinity }, mem: { value: 64 } })).toEqual({
      cpus: 0.75,
      cpuLimit: Infinity,
      memBytes: 32 * 1024 * 1024,
      memLimitBytes: 64 * 1024 * 1024,
    });
    expect(quantitiesOf(both, { mem: { value: Infinity } })?.memLimitBytes).toBe(Infinity);
    expect(quantitiesOf([], undefined)).toBeUndefined();
  });

  it("runs as the command's user, then the framework's", () => {
    expect(userOf({ user: 'web' }, FRAMEWORK)).toBe('web');
    expect(userOf({}, FRAMEWORK)).toBe('nobody');
    expect(userOf(undefined, { ...FRAMEWORK, user: '' })).toBeUndefined();
  });

  it('names a user and limits only where they are asked for', () => {
    const wish = {
      containerId: 'c',
      framework: FRAMEWORK,
      command: { value: 'sleep 1' },
      container: { type: 'MESOS', rlimit_info: { rlimits: [{ type: 'RLMT_CORE' }] } },
      resources: [],
      environment: { A: '1' },
      sandbox: '/s',
      runtimeDir: '/r',
      signal: new AbortController().signal,
      progress: () => {},
    } as const;
    expect(launchSpec({ ...wish, switchUser: false })).toMatchObject({
      argv: ['/bin/sh', '-c', 'sleep 1'],
      user: undefined,
      rlimits: [{ type: 'RLMT_CORE' }],
      container: { type: 'MESOS' },
    });
    expect(launchSpec({ ...wish, switchUser: true }).user).toBe('nobody');
  });

  describe('with an image', () => {
    const docker = { image: 'img' };
    const wish = {
      containerId: 'c',
      framework: FRAMEWORK,
      container: { type: 'DOCKER', docker },
      resources: [{ name: 'ports', type: 'RANGES', ranges: { range: [{ begin: 31000, end: 31001 }] } }],
      environment: {},
      sandbox: '/s',
      runtimeDir: '/r',
      switchUser: true,
      signal: new AbortController().signal,
      progress: () => {},
    } as const;

    it.each([
      [undefined, ['']],
      [{ shell: true, value: 'a b' }, ['/bin/sh', '-c', 'a b']],
      [{ shell: false, arguments: ['a', 'b'] }, ['', 'a', 'b']],
      [{ shell: false, value: 'serve', arguments: ['a', 'b'] }, ['serve', 'a', 'b']],
    ])('the command %j goes to the entrypoint or takes its place', (command, argv) => {
      expect(launchSpec({ ...wish, command }).argv).toEqual(argv);
    });

    it("runs as the image's user unless the command names one", () => {
      expect(launchSpec({ ...wish, command: {} }).user).toBeUndefined();
      expect(launchSpec({ ...wish, command: { user: 'web' } }).user).toBe('web');
    });

    it('maps no port that it was not given', () => {
      const mapping = (host_port: number) => ({
        ...wish,
        command: {},
        container: {
          type: 'DOCKER',
          docker: { ...docker, port_mappings: [{ host_port, container_port: 80 }] },
        } as const,
      });
      expect(launchSpec(mapping(31001)).container?.docker?.port_mappings?.[0]?.host_port).toBe(31001);
      expect(() => launchSpec(mapping(31002))).toThrow('Port 31002 is mapped, but not among the resources');
    });
  });
});

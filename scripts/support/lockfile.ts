interface LockedPackage {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  readonly packages: Record<string, LockedPackage & Record<string, unknown>>;
}

export interface MissingPackage {
  readonly name: string;
  readonly version: string;
  /** The package that wants it. */
  readonly by: string;
}

/**
 * Optional packages (builds for other platforms) that a lock file speaks of but does not list. npm leaves them out
 * when the registry that it asked does not have them, and then `npm ci` refuses the lock file.
 */
export function missingOptionalPackages(lock: Lockfile): MissingPackage[] {
  return Object.entries(lock.packages).flatMap(([by, locked]) =>
    Object.entries(locked.optionalDependencies ?? {})
      .filter(([name]) => !resolves(lock, by, name))
      .map(([name, version]) => ({ name, version, by })),
  );
}

/** Whether Node's lookup from `by` upwards finds `name` in the lock file. */
function resolves(lock: Lockfile, by: string, name: string): boolean {
  let at = by;
  while (at !== '') {
    if (Object.hasOwn(lock.packages, `${at}/node_modules/${name}`)) return true;
    at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')));
  }
  return Object.hasOwn(lock.packages, `node_modules/${name}`);
}

const OS = /\b(android|darwin|freebsd|linux|openharmony|win32)\b/;
const CPU = /\b(arm64|arm|x64|ia32|ppc64|riscv64|s390x)\b/;

/** The entry for a platform build, with what its name says of the platform: `binding-linux-arm64-musl`. */
export function platformEntry(missing: MissingPackage, dev: boolean): Record<string, unknown> {
  const os = OS.exec(missing.name)?.[1];
  const cpu = CPU.exec(missing.name)?.[1];
  if (os === undefined || cpu === undefined) throw new Error(`${missing.name}: no platform in the name`);
  const libc = /musl/.test(missing.name) ? 'musl' : /gnu/.test(missing.name) ? 'glibc' : undefined;
  return {
    version: missing.version,
    cpu: [cpu],
    ...(dev ? { dev } : {}),
    ...(libc === undefined ? {} : { libc: [libc] }),
    optional: true,
    os: [os],
  };
}

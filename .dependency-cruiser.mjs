// The walls of the house (ARCHITECTURE.md). Each rule tells the offender what to do instead.
const TEST = '[.]test[.]ts$';
const PURE =
  '^src/(mesos|cluster/(model|catalog)|dns/(wire|zone)|lb/(http1|router|balancer)|master/(allocator|state)|frameworks/marathon/planner)/';
const siblings = 'dns|lb|auth|master|agent|frameworks';
export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Move the shared part down or split it out.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'core-imports-nothing-above',
      severity: 'error',
      comment: 'core is the ground floor: hand the thing in as a parameter.',
      from: { path: '^src/core/' },
      to: { path: '^src/(?!core/)' },
    },
    {
      name: 'mesos-only-on-core',
      severity: 'error',
      comment: 'mesos is vocabulary: values in, values out.',
      from: { path: '^src/mesos/' },
      to: { path: '^src/(?!core/|mesos/)' },
    },
    {
      name: 'net-and-store-only-on-core',
      severity: 'error',
      comment: 'net and store know nothing of the cluster.',
      from: { path: '^src/(net|store)/' },
      to: { path: '^src/(?!core/|$1/)' },
    },
    {
      name: 'cluster-only-on-core-and-mesos',
      severity: 'error',
      comment: 'The cluster room feeds the edges; it never looks up at them.',
      from: { path: '^src/cluster/' },
      to: { path: '^src/(?!core/|mesos/|cluster/)' },
    },
    {
      name: 'edges-only-on-core-cluster-net',
      severity: 'error',
      comment: 'dns and lb read the catalog and sockets, nothing else.',
      from: { path: '^src/(dns|lb)/' },
      to: { path: '^src/(?!core/|cluster/|net/|$1/)' },
    },
    {
      name: 'control-plane-only-on-core-mesos-store',
      severity: 'error',
      comment: 'master, agent and frameworks speak over the Mesos APIs only.',
      from: { path: '^src/(master|agent|frameworks)/' },
      to: { path: '^src/(?!core/|mesos/|store/|$1/)' },
    },
    {
      name: 'siblings-never-meet',
      severity: 'error',
      comment: 'Declare an interface in core or mesos and let platform hand it in.',
      from: { path: `^src/(${siblings})/` },
      to: { path: `^src/(${siblings})/`, pathNot: '^src/$1/' },
    },
    {
      name: 'only-platform-and-bin-compose',
      severity: 'error',
      comment: 'Composition happens in src/platform.',
      from: { path: '^src/(?!platform/|bin/)' },
      to: { path: '^src/(platform|bin)/' },
    },
    {
      name: 'use-the-front-door',
      severity: 'error',
      comment: 'Import another room through its index.ts (core: any file, it has no inside).',
      from: { path: '^src/([^/]+)/' },
      to: {
        path: '^src/(?!core/)[^/]+/',
        pathNot: ['^src/$1/', '^src/[^/]+/index[.]ts$', '^src/[^/]+/[^/]+/index[.]ts$'],
      },
    },
    {
      name: 'pure-folders-do-no-io',
      severity: 'error',
      comment: 'Pure rooms import no node: module and no package: take values in, give values out.',
      from: { path: PURE, pathNot: TEST },
      to: { dependencyTypes: ['core', 'npm'] },
    },
    {
      name: 'src-never-imports-tests',
      severity: 'error',
      comment: 'Test support stays under test/ or in *.test.ts.',
      from: { path: '^src/', pathNot: `${TEST}|[.]contract[.]ts$` },
      to: { path: `(^test/|${TEST}|[.]contract[.]ts$)` },
    },
    {
      name: 'npm-needs-a-reason',
      severity: 'error',
      comment: 'Add the package to docs/decisions/0002-dependencies.md and here.',
      from: { path: '^src/', pathNot: `${TEST}|[.]contract[.]ts$` },
      to: {
        dependencyTypes: ['npm', 'npm-dev', 'npm-no-pkg', 'unknown'],
        pathNot: 'node_modules/(pino|undici|@types|fastify|zod|yaml|commander|prom-client|lru-cache)/',
      },
    },
    {
      name: 'unresolvable',
      severity: 'error',
      comment: 'The import leads nowhere.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types'] },
  },
};

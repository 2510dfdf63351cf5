// The walls of the house (ARCHITECTURE.md). Each rule tells the offender what to do instead.
const TEST = '[.]test[.]ts$';
/** What a room is configured with, without the rest of it: a role loads only the rooms that it runs. */
const CONFIG_OF_ROOM = '^src/[^/]+/(marathon/)?config[.]ts$';
const PURE =
  '^src/(mesos|core/policy|auth/policy|cluster/(model|catalog|vips)|dns/(wire|zone)|lb/(http1|http2/(hpack|frames|connection)|router|balancer|vip/plan)|master/(allocator|state)|frameworks/marathon/planner)/';
const siblings = 'dns|lb|mesh|auth|master|agent|frameworks';
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
      comment: 'dns, lb and mesh read the catalog and sockets, nothing else.',
      from: { path: '^src/(dns|lb|mesh)/' },
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
      name: 'auth-only-on-core-and-store',
      severity: 'error',
      comment: 'auth knows no other room: what it must know of tasks is an interface in core/identity.ts.',
      from: { path: '^src/auth/' },
      to: { path: '^src/(?!core/|store/|auth/)' },
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
        pathNot: ['^src/$1/', '^src/[^/]+/index[.]ts$', '^src/[^/]+/[^/]+/index[.]ts$', CONFIG_OF_ROOM],
      },
    },
    {
      name: 'pure-folders-do-no-io',
      severity: 'error',
      comment: 'Pure rooms import no node: module and no package: take values in, give values out.',
      from: { path: PURE, pathNot: TEST },
      to: { dependencyTypes: ['core', 'npm'], pathNot: 'node_modules/re2js/' },
    },
    {
      name: 'regular-expressions-have-one-door',
      severity: 'error',
      comment: 'Regular expressions of users go through the one file of a room that has the limits.',
      from: { path: '^src/', pathNot: '^src/(lb/router|master)/regex[.]ts$' },
      to: { path: 'node_modules/re2js/' },
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
        pathNot:
          'node_modules/(pino|undici|@types|fastify|zod|yaml|commander|prom-client|lru-cache|jose|re2js|@grpc/grpc-js|@grpc/proto-loader|dockerode|consul|tar-stream|yauzl)/',
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

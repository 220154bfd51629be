/**
 * Which area may import which: an area imports only itself and the areas before it in this list, and there are no cycles, types
 * included. `npm run deps` checks it. An area that is missing here is refused. See docs/architecture.md.
 */
const areas = ['core', 'store', 'books', 'decide', 'chain', 'spend', 'earn', 'control', 'api', 'console', 'app'];
/** The repository's own scripts import what they like; nothing imports them. */
const scripts = 'setup';

const after = (index) => [...areas.slice(index + 1), scripts].join('|');
const direction = areas.map((area, index) => ({
  name: `${area}-imports-earlier-areas`,
  comment: `src/${area} may import only itself and: ${areas.slice(0, index).join(', ') || 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^src/${area}/` },
  to: { path: `^(src/(${after(index)})/|test/|bench/|contracts/|policies/)` },
}));

module.exports = {
  forbidden: [
    ...direction,
    {
      name: 'area-is-listed',
      comment: 'Every folder of src is one of the areas above.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${[...areas, scripts].join('|')})/` },
      to: {},
    },
    {
      name: 'packages-stand-alone',
      comment:
        'What an agent or a seller installs knows Bursar by HTTP only: the SDK imports core and the list of operations, the seller core and the store.',
      severity: 'error',
      from: { path: '^src/(api/sdk|earn/seller)/' },
      to: { path: '^src/', pathNot: '^src/(core|store|api/sdk|api/operations|earn/seller)/' },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or want a third below both. Types count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'databases-in-one-area',
      comment: 'SQL runs through Store; only src/store opens a database.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/(better-sqlite3|pg)/' },
    },
    {
      name: 'pure-modules-do-nothing',
      comment: 'Rules and arithmetic neither read files nor speak to anything: they are told what they need.',
      severity: 'error',
      from: { path: '^src/(core/(errors|money|ids|text|time|payment)|books/(ledger|meters)|decide/payments)/' },
      to: {
        path: [
          '^(node:)?(fs|net|http|https|http2|dgram|dns|tls|child_process|worker_threads|cluster|timers)(/promises)?$',
          'node_modules/(hono|@hono|@x402|pino|undici)/',
        ],
      },
    },
    {
      name: 'decision-is-pure',
      comment:
        'The decision and the policy it asks are told what they need; nothing that they import, however far, reads a database.',
      severity: 'error',
      from: { path: '^src/decide/(payments/decideGroup|policy/policy)\\.ts$' },
      to: { path: '^src/store/', reachable: true },
    },
    {
      name: 'resolves',
      comment: 'Every import leads to something that is there.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-dependencies',
      comment:
        'What is imported stands in package.json, and the product does not import development tools. Express and Fastify are optional peers: the seller names their types.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/setup/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'],
        pathNot: 'node_modules/(@types|express|fastify)/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.test(-d)?\\.ts$' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};

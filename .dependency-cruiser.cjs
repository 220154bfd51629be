/**
 * Which room may import which: arrows point inward, and there are no cycles, types included. `npm run deps` checks it.
 * A room that is missing here is refused, so that it gets its place first. See docs/architecture.md.
 */
const spine = ['errors', 'money', 'ids', 'time', 'text', 'net'];
const domain = [...spine, 'store', 'policy', 'ledger', 'identity', 'mandates', 'payments', 'receivables'];
const effects = [
  ...domain,
  'revenue',
  'recurring',
  'notices',
  'payouts',
  'log',
  'activation',
  'wallet',
  'reconcile',
  'receipt',
  'transparency',
  'x402',
  'settlement',
  'facilitator',
  'invoicing',
  'stop',
  'exposure',
  'owner',
  'recovery',
];

/** room: what it may import beside itself; a name with a point is one file of a room. */
const rooms = {
  errors: [],
  money: ['errors'],
  ids: ['errors'],
  // Text and JSON from outside, read by one rule at every interface.
  text: ['errors', 'ids'],
  time: [],
  // Which addresses may be reached: for every outgoing request.
  net: [],
  // The table of states becomes a CHECK of the schema.
  store: [...spine, 'payments/states.ts'],
  policy: [...spine, 'payments/kinds.ts'],
  ledger: [...spine, 'store', 'policy'],
  identity: [...spine, 'store', 'ledger'],
  // The one value that a signer takes is made by a reservation, so its maker is called from here.
  payments: [...domain, 'wallet/approvedTransfer.ts'],
  // What agents are owed and were paid; the payments room asks it what a refund may give back.
  receivables: [...spine, 'store', 'ledger', 'identity'],
  // Only raises alerts there.
  revenue: [...domain, 'reconcile/alerts.ts'],
  // A line of a file reads as a request's fields do: the same schemas.
  payouts: [...domain, 'log', 'wallet', 'operation/schemas.ts'],
  log: [],
  mandates: [...spine, 'store', 'ledger', 'identity'],
  recurring: [...domain, 'log'],
  // A webhook's address is an operator's word, and is guarded as an agent's fetch is.
  notices: [...domain, 'log', 'x402/guardedRequest.ts'],
  activation: [...domain, 'log'],
  wallet: [...domain, 'log'],
  reconcile: [...domain, 'log', 'wallet'],
  receipt: [...domain, 'wallet', 'transparency'],
  // The event log as a tree that outsiders can check: it knows events and keys, and nothing of payments.
  transparency: [...spine, 'store', 'ledger', 'log', 'wallet'],
  x402: [...domain, 'log', 'wallet'],
  facilitator: [...domain, 'log', 'wallet'],
  // What a stranger's own server imports: it knows Bursar by HTTP only.
  // Invoices as an x402 resource.
  invoicing: [...domain, 'facilitator'],
  seller: [...spine, 'store'],
  gateway: [...spine, 'log', 'store', 'seller', 'client'],
  settlement: effects,
  // One action that ends an agent everywhere: it reaches into every room that could still move money.
  stop: [...domain, 'recurring', 'settlement', 'wallet'],
  exposure: [...domain, 'wallet', 'reconcile/alerts.ts'],
  owner: [...domain, 'wallet'],
  recovery: [...domain, 'wallet'],
  devnet: effects,
  operation: effects,
  // People's sign-in: an approver's wallet signs or an identity provider vouches, a cookie stands for it.
  session: [...spine, 'store', 'ledger', 'identity', 'wallet', 'operation', 'facilitator/rateLimit.ts'],
  http: [...spine, 'log', 'identity', 'operation', 'session', 'console', 'facilitator/rateLimit.ts'],
  mcp: [...spine, 'log', 'operation'],
  sdk: [...spine, 'operation'],
  console: [
    ...spine,
    'operation',
    'payments/kinds.ts',
    'payments/states.ts',
    'owner',
    'wallet/reverts.ts',
    'wallet/contracts.generated.ts',
  ],
  client: [...spine, 'operation'],
  // It drives the public API as a stranger would; the wallet room only shows it how a person signs.
  demo: [...spine, 'client', 'devnet', 'wallet'],
  // `verify` and `policy compile` work without a server; `serve` and `demo` start one.
  cli: [...effects, 'gateway', 'seller', 'devnet', 'operation', 'mcp', 'sdk', 'client', 'demo', 'server', 'console'],
  // The composition root: it alone knows everything.
  server: [...effects, 'devnet', 'operation', 'http', 'mcp', 'console', 'session'],
  // Tooling of the repository: it makes files from code.
  setup: [...effects, 'devnet', 'operation', 'http', 'mcp', 'sdk', 'cli'],
};

const pattern = (name) => (name.includes('.') ? name.replaceAll('.', '\\.') : `${name}/`);
const anyOf = (names) => names.map(pattern).join('|');

const direction = Object.entries(rooms).map(([room, allowed]) => ({
  name: `${room}-looks-inward`,
  comment: `src/${room} may import only: ${allowed.join(', ') || 'nothing of ours'}.`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^(src|test|bench|contracts|policies)/', pathNot: `^src/(${anyOf([room, ...allowed])})` },
}));

module.exports = {
  forbidden: [
    ...direction,
    {
      name: 'room-has-a-place',
      comment: 'Give the room its line in `rooms` above.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${anyOf(Object.keys(rooms))})` },
      to: {},
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other are one file, or want a third below both. Types count.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'sqlite-in-one-room',
      comment: 'SQL runs through Store; only src/store opens a database.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/better-sqlite3' },
    },
    {
      name: 'pure-rooms-do-nothing',
      comment: 'Rules and arithmetic neither read files nor speak to anything: they are told what they need.',
      severity: 'error',
      from: { path: '^src/(errors|money|ids|text|ledger|payments)/' },
      to: {
        path: [
          '^(node:)?(fs|net|http|https|http2|dgram|dns|tls|child_process|worker_threads|cluster|timers)(/promises)?$',
          'node_modules/(hono|@hono|@x402|pino|undici)/',
        ],
      },
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

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getAddress, isAddress } from 'viem';
import { z } from 'zod';
import { McpSettings } from '../../api/mcp/settings.ts';
import { requireSupportedChain } from '../../chain/node/chainProfile.ts';
import { OidcSettings } from '../../control/sign-in/oidc/settings.ts';
import { BursarError } from '../../core/errors/base.ts';
import { isAddressRange } from '../../core/net/clientAddress.ts';
import { FacilitatorSettings } from '../../earn/facilitator/settings.ts';

const AddressText = z
  .string()
  .refine((text) => isAddress(text))
  .transform((text) => getAddress(text));

/** `config.json` in the data directory: the chain and the contracts. Written by `bursar init`; it has no secrets. */
export const Config = z.strictObject({
  chain: z.strictObject({
    id: z.int().positive(),
    /** Null: Bursar runs its own local chain. `BURSAR_RPC_URL` takes precedence. */
    rpc_url: z.url().nullable(),
    /**
     * Nodes of the same chain with other operators, asked when the first contradicts itself. `BURSAR_WITNESS_RPC_URLS` takes
     * precedence.
     */
    witness_rpc_urls: z
      .array(z.url({ protocol: /^https?$/ }))
      .max(4)
      .default([]),
    usdc: AddressText,
    factory: AddressText,
    registry: AddressText.nullable(),
    finality: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('depth'), blocks: z.int().min(0).max(10_000) }),
      z.strictObject({ kind: z.literal('tag') }),
    ]),
    poll_ms: z.int().min(50).max(60_000),
    /** The block at which the books begin; null: the newest final block. */
    start_block: z
      .string()
      .regex(/^[0-9]+$/)
      .nullable(),
  }),
  /** People's addresses for new wallets. Without them the keystore's `owner` and `approver` keys are used: for test money only. */
  wallets: z
    .strictObject({
      owner: AddressText.nullable().default(null),
      approvers: z.array(AddressText).max(32).default([]),
      threshold: z.int().min(1).max(32).default(1),
    })
    .prefault({}),
  server: z.strictObject({
    host: z.string(),
    port: z.int().min(0).max(65_535),
    /** The console's public origin, as `https://bursar.example`. Absent: only the loopback names. */
    origin: z
      .url({ protocol: /^https?$/ })
      .transform((text) => new URL(text).origin)
      .optional(),
    /** At a stop, how long `/ready` answers 503 before new connections are refused: longer than a balancer's check. */
    drain_seconds: z.int().min(0).max(600).default(0),
    /** Addresses or CIDR ranges of reverse proxies: X-Forwarded-For is accepted only from them. */
    trusted_proxies: z
      .array(z.string().refine(isAddressRange, 'is neither an IP address nor a CIDR range'))
      .max(50)
      .default([]),
  }),
  /** Heads of the event log: where they are written outside the database, how often, and whether they are anchored. */
  anchors: z
    .strictObject({
      /** The file of checkpoints; null: `checkpoints` in the data directory. Best on another disk, or copied to another machine. */
      file: z.string().min(1).nullable().default(null),
      every_hours: z.int().min(1).max(8_760).default(24),
      on_chain: z.boolean().default(true),
      /** The required owner of the registry; null: the one it was made for. */
      registry_owner: AddressText.nullable().default(null),
    })
    .prefault({}),
  oidc: OidcSettings.optional(),
  facilitator: FacilitatorSettings.prefault({}),
  mcp: McpSettings.prefault({}),
});
export type Config = z.infer<typeof Config>;

export type DataDir = {
  dir: string;
  config: string;
  keystore: string;
  database: string;
  chainState: string;
  checkpoints: string;
};

/** The files of the data directory. */
export function dataDirAt(dir: string): DataDir {
  return {
    dir,
    config: join(dir, 'config.json'),
    keystore: join(dir, 'keystore'),
    database: join(dir, 'bursar.sqlite'),
    chainState: join(dir, 'chain.json'),
    checkpoints: join(dir, 'checkpoints'),
  };
}

/** Null if there is none yet. Throws `not_configured` if it is not valid, `chain_not_supported`. */
export function readConfig(dataDir: DataDir): Config | null {
  let text: string;
  try {
    text = readFileSync(dataDir.config, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    const config = Config.parse(JSON.parse(text));
    requireSupportedChain(config.chain.id);
    return config;
  } catch (cause) {
    if (cause instanceof BursarError) throw cause;
    // Zod's messages name fields and expected values, not the actual ones.
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : 'It is not JSON.';
    throw new BursarError('not_configured', {
      message: `${dataDir.config} is not a valid configuration.\n${why}`,
      cause,
    });
  }
}

export function writeConfig(dataDir: DataDir, config: z.input<typeof Config>): Config {
  const checked = Config.parse(config);
  mkdirSync(dataDir.dir, { recursive: true, mode: 0o700 });
  const draft = `${dataDir.config}.new`;
  writeFileSync(draft, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  renameSync(draft, dataDir.config);
  return checked;
}

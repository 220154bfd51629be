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

/** `config.json` in the data folder: which chain, which contracts. Written by `bursar init`; no secrets in it. */
export const Config = z.strictObject({
  chain: z.strictObject({
    id: z.int().positive(),
    /** Null: Bursar runs a local chain of its own. `BURSAR_RPC_URL` overrules. */
    rpc_url: z.url().nullable(),
    /** Other nodes of the same chain, run by others: asked where the first contradicts itself. `BURSAR_WITNESS_RPC_URLS` overrules. */
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
    /** Where the books begin; null: at the newest final block. */
    start_block: z
      .string()
      .regex(/^[0-9]+$/)
      .nullable(),
  }),
  /** People's addresses for new wallets. Where they are absent the keystore's `owner` and `approver` keys stand in: test money only. */
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
    /** Where people reach the console from elsewhere, as `https://bursar.example`. Absent: by the loopback names alone. */
    origin: z
      .url({ protocol: /^https?$/ })
      .transform((text) => new URL(text).origin)
      .optional(),
    /** Addresses or CIDR ranges of reverse proxies: from them, and them alone, X-Forwarded-For is believed. */
    trusted_proxies: z
      .array(z.string().refine(isAddressRange, 'is neither an IP address nor a CIDR range'))
      .max(50)
      .default([]),
  }),
  /** Heads of the event log: where they go outside the database, how often, and whether to the chain too. */
  anchors: z
    .strictObject({
      /** The file of checkpoints; null: `checkpoints` in the data folder. Best on another disk, or one that is shipped elsewhere. */
      file: z.string().min(1).nullable().default(null),
      every_hours: z.int().min(1).max(8_760).default(24),
      on_chain: z.boolean().default(true),
      /** Whom the registry must belong to; null: who it was made for. */
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

/** The data folder's files. */
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

/** Null when there is none yet. Throws `not_configured` when it is not valid, `chain_not_supported`. */
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
    // Zod's messages name fields and what they should be, not what stands there.
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

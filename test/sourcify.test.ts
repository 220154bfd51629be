import { createRequire } from 'node:module';
import type { SolidityJsonInput, SolidityOutput } from '@ethereum-sourcify/compilers-types';
import {
  type ISolidityCompiler,
  SolidityCompilation,
  SourcifyChain,
  setLibSourcifyLoggerLevel,
  Verification,
} from '@ethereum-sourcify/lib-sourcify';
import { type Address, createPublicClient, type Hex, http, parseEventLogs, zeroAddress, zeroHash } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contractAt } from '../src/app/cli/contractAt.ts';
import { compilerVersion, standardJson } from '../src/app/cli/standardJson.ts';
import { devAccounts } from '../src/app/local-chain/accounts.ts';
import { sendInOrder } from '../src/app/local-chain/client.ts';
import { type LocalChain, startLocalChain } from '../src/app/local-chain/localChain.ts';
import { createWalletCall } from '../src/chain/contracts/agentWallet.ts';
import { agentWalletFactoryAbi } from '../src/chain/contracts/contracts.generated.ts';
import { microUsdc } from '../src/core/money/microUsdc.ts';

const owner = devAccounts[3];
let local: LocalChain;
let wallet: Address;
let purse: Address;
let creation: Hex;

beforeAll(async () => {
  setLibSourcifyLoggerLevel(0);
  local = await startLocalChain({ owner });
  const config = {
    owner: owner.address,
    guardian: zeroAddress,
    executor: devAccounts[4].address,
    approvers: [],
    threshold: 0,
    perPayment: microUsdc(1_000_000n),
    perPeriod: microUsdc(2_000_000n),
    periodSeconds: 86_400,
    validUntil: Number(2n ** 40n - 1n),
    raiseDelay: 0,
    allowListOn: false,
    allowList: [],
    salt: zeroHash,
  };
  const [hash = '0x'] = await sendInOrder(local.client, owner, [createWalletCall(local.factory, config)]);
  creation = hash;
  const { logs } = await local.client.getTransactionReceipt({ hash });
  const [made] = parseEventLogs({ abi: agentWalletFactoryAbi, eventName: 'WalletCreated', logs });
  if (!made) throw new Error('The wallet was not made.');
  ({ wallet, purse } = made.args);
}, 120_000);
afterAll(() => local.stop());

const NAMES = ['PolicyRegistry', 'AgentWalletFactory', 'AgentWallet', 'X402Purse'];

/** npm's solc, which answers the same question once: each contract is asked for with the same sources and settings. */
class Solc implements ISolidityCompiler {
  readonly #answers = new Map<string, SolidityOutput>();
  readonly #solc = createRequire(import.meta.url)('solc') as { compile(input: string): string; version(): string };

  compile(version: string, input: SolidityJsonInput): Promise<SolidityOutput> {
    expect(`v${this.#solc.version()}`).toContain(version.replace(/^v/, ''));
    const wanted = ['abi', 'metadata', 'evm.legacyAssembly', 'evm.bytecode', 'evm.deployedBytecode'];
    const selection = Object.fromEntries(NAMES.map((name) => [`src/${name}.sol`, { [name]: wanted }]));
    const question = JSON.stringify({ ...input, settings: { ...input.settings, outputSelection: selection } });
    const known = this.#answers.get(question) ?? (JSON.parse(this.#solc.compile(question)) as SolidityOutput);
    this.#answers.set(question, known);
    return Promise.resolve(known);
  }
}

/** As a file that was written holds it. */
const readJsonInput = (): SolidityJsonInput => JSON.parse(JSON.stringify(standardJson()));

describe('the standard JSON input of `publish-source`', () => {
  const solc = new Solc();
  const addresses = (): [name: string, address: Address, creation: Hex | undefined][] => [
    ['PolicyRegistry', local.registry, undefined],
    ['AgentWalletFactory', local.factory, undefined],
    ['AgentWallet', wallet, creation],
    ['X402Purse', purse, creation],
  ];

  it.each([0, 1, 2, 3])(
    'is a perfect match for what is deployed: %i of registry, factory, wallet, purse',
    async (at) => {
      const [name, address, transaction] = addresses()[at] ?? ['', zeroAddress, undefined];
      const found = await contractAt(createPublicClient({ transport: http(local.anvil.url) }), address);
      expect(found.contract).toBe(`src/${name}.sol:${name}`);
      const input = readJsonInput();
      const target = { name, path: `src/${name}.sol` };
      const compilation = new SolidityCompilation(solc, compilerVersion.slice(1), input, target);
      await compilation.compile();
      const chain = new SourcifyChain({
        name: 'local',
        chainId: local.anvil.chainId,
        rpc: [local.anvil.url],
        supported: true,
        traceSupportedRPCs: [{ type: 'debug_traceTransaction', index: 0 }],
      });
      const verification = new Verification(compilation, chain, address, transaction);
      await verification.verify();
      expect(verification.status.runtimeMatch).toBe('perfect');
      if (transaction) expect(verification.status.creationMatch).toBe('perfect');
    },
    900_000,
  );

  it('carries no path of a machine, and the sources that were compiled', () => {
    const { sources, settings } = standardJson();
    for (const path of Object.keys(sources)) expect(path).toMatch(/^(src|@openzeppelin)\/[\w./-]+\.sol$/);
    expect(settings).toMatchObject({ remappings: [], metadata: { bytecodeHash: 'ipfs' } });
  });
});

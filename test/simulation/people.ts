import type { Address, Hex } from 'viem';
import { ownerCalls } from '../../src/chain/contracts/agentWallet.ts';
import { cancelAuthorizationCall, sweepCall } from '../../src/chain/contracts/purse.ts';
import { setAgentStatus } from '../../src/decide/identity/agents.ts';
import { usdcOf } from './chain/state.ts';
import { faultStore } from './faultStore.ts';
import type { Random } from './random.ts';
import type { SimulatedServer } from './server.ts';
import { places, type World } from './world.ts';

/** What the owner of the wallets does on chain, past every server. */
export const ownerActs = ['freeze', 'unfreeze', 'raise_epoch', 'sweep', 'cancel'] as const;

export function ownerAct(world: World, random: Random): void {
  const { chain, presented } = world;
  const { wallet, purse } = random.pick(world.agents);
  const act = random.pick(ownerActs);
  world.trace[world.trace.length - 1] += ` ${act}`;
  const send = ({ to, data }: { to: Address; data: Hex }): void => void chain.act(places.owner, to, data);
  if (act === 'freeze') send(ownerCalls.freeze(wallet));
  if (act === 'unfreeze') send(ownerCalls.unfreeze(wallet));
  if (act === 'raise_epoch') send(ownerCalls.raiseEpoch(wallet));
  const held = usdcOf(chain.tip.state, purse);
  if (act === 'sweep' && held > 0n) send(sweepCall(purse, BigInt(random.between(1, Number(held)))));
  if (act === 'cancel' && presented.length > 0) {
    const { authorization } = random.pick(presented);
    send(cancelAuthorizationCall(authorization.from, authorization.nonce));
  }
}

/** An administrator freezes an agent at one server, or lets it go on. */
export function administratorAct(world: World, random: Random, server: SimulatedServer): void {
  const { agent } = random.pick(world.agents);
  const status = random.chance(0.5) ? ('frozen' as const) : ('active' as const);
  world.trace[world.trace.length - 1] += ` ${status}`;
  setStatus(world, server, agent.id, status);
}

export function setStatus(world: World, server: SimulatedServer, agent: string, status: 'frozen' | 'active'): void {
  const store = faultStore(world.store, world.scheduler, server.id);
  const act = { actor: 'administrator', atMs: world.nowMs };
  store
    .write((tx) => setAgentStatus(tx, act, agent, { status, reason: status === 'frozen' ? 'simulation' : null }))
    .catch((error: unknown) => world.errors.push(error));
}

import { afterEach, describe, expect, it } from 'vitest';
import { chain, type GateWorld, gateWorld, NOON_MS, numbered } from '../../../test/support/gateWorld.ts';
import type { WalletState } from '../../chain/contracts/walletState.ts';
import { newId } from '../../core/ids/ids.ts';
import { microUsdc, parseUsdc } from '../../core/money/microUsdc.ts';
import type { Credential, Role, Scope } from '../../decide/identity/credentials.ts';
import { createPayee } from '../../decide/identity/payees.ts';
import { requestPayment } from '../../decide/payments/gate.ts';
import { type ChainLimits, chainReach } from './chainReach.ts';
import { exposureOf } from './exposure.ts';
import { horizons, startsWithin } from './horizon.ts';
import { policyReach } from './policyReach.ts';
import { stolenKeys } from './stolenKeys.ts';

const DAY = 86_400;
const usdc = (text: string): bigint => parseUsdc(text);
const limits: ChainLimits = {
  frozen: false,
  validUntilS: 2 ** 40 - 1,
  perPayment: usdc('1000'),
  perPeriod: usdc('5000'),
  periodSeconds: DAY,
  remainingInPeriod: usdc('4000'),
  pendingRaise: null,
};
const [today, month] = horizons(NOON_MS, 'UTC');

const open: GateWorld[] = [];
afterEach(async () => {
  for (const world of open.splice(0)) await world.store.close();
});
async function world(): Promise<GateWorld> {
  const made = await gateWorld();
  open.push(made);
  return made;
}
const stateOf = (changes: Partial<WalletState> = {}): WalletState => ({
  owner: numbered(0x01),
  guardian: numbered(0x02),
  executor: numbered(0x03),
  approversVersion: 1n,
  epoch: 0,
  nextNonce: 0n,
  purse: numbered(0xb0001),
  token: chain.token,
  registry: numbered(0x04),
  approvers: [numbered(0xa9)],
  threshold: 1,
  frozen: false,
  validUntilS: limits.validUntilS,
  allowListOn: false,
  perPayment: microUsdc(limits.perPayment),
  perPeriod: microUsdc(limits.perPeriod),
  periodSeconds: DAY,
  spentInPeriod: microUsdc(0n),
  remainingInPeriod: microUsdc(limits.perPeriod),
  pendingRaise: null,
  balance: parseUsdc('1000'),
  purseBalance: microUsdc(0n),
  ...changes,
});
async function exposure(made: GateWorld, state: WalletState | null | undefined) {
  const agent = { ...made.agent };
  return made.store.read((tx) =>
    exposureOf({ tx, policy: made.policy, chain, agent, state, nowMs: NOON_MS, horizons: [today, month] }),
  );
}

describe('The chain lets an executor move', () => {
  it('what is left today, and a whole ceiling for each day of the month that is still to begin', () => {
    expect(chainReach(limits, today)).toBe(usdc('4000'));
    // 24 November, noon: the 25th to the 30th begin before the month ends.
    expect(chainReach(limits, month)).toBe(usdc('4000') + 6n * usdc('5000'));
  });

  it('nothing when frozen or over, and no longer than it is valid', () => {
    expect(chainReach({ ...limits, frozen: true }, month)).toBe(0n);
    expect(chainReach({ ...limits, validUntilS: NOON_MS / 1000 }, month)).toBe(0n);
    expect(chainReach({ ...limits, validUntilS: NOON_MS / 1000 + DAY }, month)).toBe(usdc('9000'));
  });

  it('more from the moment on at which a raise comes into force', () => {
    const at = (effectiveAtS: number) => ({ perPayment: usdc('1000'), perPeriod: usdc('8000'), effectiveAtS });
    const tomorrowNoon = NOON_MS / 1000 + DAY;
    expect(chainReach({ ...limits, pendingRaise: at(tomorrowNoon) }, today)).toBe(usdc('4000'));
    // The 25th begins with 5,000 and has 3,000 more at noon; the five days after it have 8,000.
    expect(chainReach({ ...limits, pendingRaise: at(tomorrowNoon) }, month)).toBe(usdc('52000'));
    const midnight = today.endMs / 1000;
    expect(chainReach({ ...limits, pendingRaise: at(midnight) }, month)).toBe(usdc('4000') + 6n * usdc('8000'));
  });
});

describe('Horizons', () => {
  it('end with the day and the month of the zone, clock changes included', () => {
    const [berlin] = horizons(Date.UTC(2026, 9, 25, 0, 30), 'Europe/Berlin');
    expect(berlin.endMs).toBe(Date.UTC(2026, 9, 25, 23));
    expect(startsWithin('day', 'UTC', month)).toBe(6);
    expect(startsWithin('hour', 'UTC', today)).toBe(11);
  });
});

describe('The policy lets an agent spend', () => {
  it('what its daily limit leaves today, and what its monthly one leaves in the month', async () => {
    const made = await world();
    const ask = (horizon: typeof today) =>
      made.store.read((tx) => policyReach({ tx, policy: made.policy, chain, agent: made.agent }, horizon));
    const before = { today: await ask(today), month: await ask(month) };
    expect(before.today.amount).not.toBeNull();
    await made.store.write(async (tx) => {
      await requestPayment(tx, made.request({ amount: parseUsdc('7.5') }), made.context());
    });
    expect((await ask(today)).amount).toBe((before.today.amount ?? 0n) - usdc('7.5'));
    expect((before.month.amount ?? 0n) >= (before.today.amount ?? 0n)).toBe(true);
  });

  it('never more than that: payments that fill the day stop exactly there', async () => {
    const made = await world();
    const reach = (
      await made.store.read((tx) => policyReach({ tx, policy: made.policy, chain, agent: made.agent }, today))
    ).amount;
    let allowed = 0n;
    for (let i = 0; i < 60; i += 1) {
      await made.store.write(async (tx) => {
        const { payment } = await requestPayment(tx, made.request({ amount: parseUsdc('4.5') }), made.context());
        if (payment.state === 'authorized') allowed += payment.amount;
      });
    }
    expect(allowed).toBeGreaterThan(0n);
    expect(allowed <= (reach ?? 0n)).toBe(true);
  });
});

describe('Exposure', () => {
  it('is the least of policy, ceilings and money, and says which', async () => {
    const made = await world();
    const rich = await exposure(made, stateOf());
    const policy = await made.store.read((tx) =>
      policyReach({ tx, policy: made.policy, chain, agent: made.agent }, today),
    );
    expect(rich.figures.today.most).toBe(policy.amount);
    expect((await exposure(made, stateOf({ remainingInPeriod: parseUsdc('3') }))).figures.today.most).toBe(usdc('3'));
    expect((await exposure(made, stateOf({ frozen: true }))).figures.today.most).toBe(0n);
    expect(rich.figures.today.because).toContain('the available balance is 1000.00 USDC');
  });

  it('is told of an agent that stands among the payees itself', async () => {
    const made = await world();
    await made.store.write((tx) =>
      createPayee(
        tx,
        { actor: 'test', atMs: NOON_MS },
        {
          name: 'Itself',
          kind: 'agent',
          agentId: made.agent.id,
          categories: ['contractor'],
          hosts: [],
          addresses: [{ address: made.agent.wallet?.address ?? '0x', verified: true }],
        },
      ),
    );
    expect((await exposure(made, stateOf())).figures.today.most).toBeGreaterThan(0n);
  });

  it('warns where the ceilings are wider than the policy, and where they are narrower', async () => {
    const made = await world();
    const codes = async (state: WalletState) => (await exposure(made, state)).warnings.map(({ code }) => code);
    expect(await codes(stateOf())).toEqual(['payment_ceiling_above_policy', 'period_ceiling_above_policy']);
    const narrow = stateOf({ perPayment: parseUsdc('0.01'), perPeriod: parseUsdc('0.05') });
    expect(await codes(narrow)).toEqual(['policy_above_payment_ceiling', 'policy_above_period_ceiling']);
  });

  it('of a stolen executor is what the contracts leave; of an approver or guardian nothing; of the owner everything', async () => {
    const made = await world();
    const one = await exposure(made, stateOf({ purseBalance: parseUsdc('2') }));
    const credential = (role: Role, scopes: Scope[]): Credential => ({
      ...{ id: `key_${role}_${scopes.length}`, role, scopes, name: 'a key', agentId: null },
      ...{ createdAtMs: 0, expiresAtMs: null, revokedAtMs: null },
    });
    const others = [
      { ...credential('agent', ['pay', 'read']), agentId: one.agent.id },
      { ...credential('agent', ['pay', 'read']), agentId: newId('agent') },
      credential('operator', ['pay', 'read']),
      credential('auditor', ['read']),
    ];
    const keys = stolenKeys([one], [credential('operator', ['pay', 'read', 'admin']), ...others]);
    const api = (holder: string) => keys.filter((each) => each.holder === holder).map(({ figures }) => figures.today);
    expect(api('key_agent_2')).toEqual([one.figures.today]);
    expect(api('key_operator_2')).toMatchObject([{ most: one.figures.today.most }]);
    expect(api('key_auditor_1')).toMatchObject([{ most: 0n, ifFunded: 0n }]);
    const of = (key: string) => keys.find((each) => each.key === key)?.figures.today;
    expect(of('executor')?.most).toBe(usdc('1002'));
    expect(of('executor')?.ifFunded).toBe(usdc('5002'));
    expect(of('operator_api_key')?.most).toBe(usdc('1002'));
    expect(of('approver')?.most).toBe(0n);
    expect(of('approver')?.because).toContain('1002.00 USDC');
    expect(of('guardian')?.most).toBe(0n);
    expect(of('owner')).toMatchObject({ most: usdc('1002'), ifFunded: null });
    expect(keys.every(({ figures }) => figures.today.because !== '' && figures.month.most >= figures.today.most)).toBe(
      true,
    );
  });
});

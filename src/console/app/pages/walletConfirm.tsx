import { Alert, Button, Group, NativeSelect, Text } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { getAddress } from 'viem';
import { isOfRegistry, methodOf, type OwnerAction } from '../../../control/owner/action.ts';
import { safeFile } from '../../../control/owner/safe.ts';
import { ownerCallTypedData, SIGNED_CALL_SECONDS } from '../../../control/owner/signedCall.ts';
import { formatUsdc } from '../../../core/money/microUsdc.ts';
import { ask } from '../api.ts';
import { DescriptionList } from '../components/descriptionList.tsx';
import { Json } from '../components/json.tsx';
import { Mono } from '../components/mono.tsx';
import { download } from '../download.ts';
import { useMe } from '../session.tsx';
import { type Agent, inert } from '../views.ts';
import { type Provider, signTyped, walletProblem, wallets } from '../wallet.ts';
import { mined, rolesFor, send, sender, usesRegistry } from '../walletCalls.ts';
import { TransactionLink } from './explorer.tsx';
import { acts, inputOf } from './walletForm.ts';
import type { Prepared, Wallet } from './walletViews.ts';

type Stage =
  | { at: 'asked' }
  | { at: 'checking' }
  | { at: 'signing' }
  | { at: 'sent'; hash: string; sinceMs: number }
  | { at: 'done'; hash: string };

/** The checked call in words, and the ways to send it: a browser wallet, a Safe, or copied calldata. */
export function ConfirmCall(props: {
  agent: Agent;
  wallet: Wallet;
  requested: OwnerAction;
  call: Prepared;
  onDone: () => void;
  onLeave: () => void;
}) {
  const { agent, wallet, requested, call, onDone, onLeave } = props;
  const me = useMe();
  const found = wallets();
  const [chosen, setChosen] = useState(0);
  const [stage, setStage] = useState<Stage>({ at: 'asked' });
  const [failure, setFailure] = useState<string | null>(null);
  const leaving = useRef(new AbortController());
  useEffect(() => {
    const controller = new AbortController();
    leaving.current = controller;
    return () => controller.abort();
  }, []);
  const to = getAddress(call.to);
  const data = call.data as `0x${string}`;
  const contract = call.senders.find(({ is_contract: isContract }) => isContract);
  const isForContractOnly = call.senders.length > 0 && call.senders.every(({ is_contract: is }) => is);

  const run = async (provider: Provider): Promise<void> => {
    setFailure(null);
    setStage({ at: 'checking' });
    try {
      const from = await sender(provider, { to, action: requested.action, chainId: me.chain.id });
      if (isOfRegistry(requested.action) && !(await usesRegistry(provider, wallet.wallet, to))) {
        throw new Error(`The wallet does not use the policy registry ${to}.`);
      }
      setStage({ at: 'signing' });
      const isShared = call.server_sends && getAddress(call.sender) === from;
      const hash = isShared
        ? await order(
            provider,
            from,
            { agentId: agent.id, requested, call: { to, data }, chainId: me.chain.id },
            setSent,
          )
        : await sendAndWait(provider, from);
      setStage({ at: 'done', hash });
    } catch (error) {
      if (leaving.current.signal.aborted) return;
      setFailure(walletProblem(error));
      setStage({ at: 'asked' });
    }
  };
  const setSent = (hash: string): void => setStage({ at: 'sent', hash, sinceMs: Date.now() });
  const sendAndWait = async (provider: Provider, from: `0x${string}`): Promise<string> => {
    const hash = await send(provider, from, { to, data });
    setSent(hash);
    await mined(provider, { from, call: { to, data }, hash }, leaving.current.signal);
    return hash;
  };
  const saveFile = (safe: `0x${string}`): void => {
    const name = `Bursar: ${acts[requested.action].title}, ${inert(agent.name)}`;
    const about = { chainId: me.chain.id, safe, name, description: call.effect, atMs: Date.now() };
    const text = `${JSON.stringify(safeFile([{ to, data }], about), null, 2)}\n`;
    download(`${requested.action}-${agent.name}.safe.json`, 'application/json', text);
  };

  if (stage.at === 'done') {
    return (
      <Alert mt="md" variant="outline" color="green" role="status" title="Done: confirmed on chain">
        <Text size="sm" mb="xs">
          {acts[requested.action].title}. Transaction: <TransactionLink hash={stage.hash} chainId={me.chain.id} />
        </Text>
        <Button size="xs" variant="default" onClick={onDone}>
          Show the updated wallet
        </Button>
      </Alert>
    );
  }
  const isBusy = stage.at !== 'asked';
  return (
    <Alert mt="md" variant="outline" color="blue" title={`${acts[requested.action].title}: check before you sign`}>
      <CallFacts requested={requested} call={call} to={to} data={data} />
      {failure && (
        <Alert mt="sm" color="red" variant="outline" role="alert" title="Not done">
          {failure}
        </Alert>
      )}
      <Progress stage={stage} />
      {found.length > 1 && (
        <NativeSelect
          mt="sm"
          label="Your wallet"
          data={found.map(({ name }, index) => ({ value: String(index), label: inert(name) }))}
          value={String(chosen)}
          onChange={(event) => setChosen(Number(event.currentTarget.value))}
        />
      )}
      {contract && (
        <Text mt="sm" size="sm">
          {contract.role === 'owner' ? 'The owner' : `The ${contract.role}`} is a contract, for example a Safe. Load the
          file in its Transaction Builder, where its owners read and sign it.
        </Text>
      )}
      {found.length === 0 && !isForContractOnly && (
        <Text mt="sm" size="sm">
          There is no wallet in this browser. Copy the calldata, or run <code>bursar owner {requested.action}</code>.
        </Text>
      )}
      <Group mt="md">
        {contract && (
          <Button disabled={isBusy} onClick={() => saveFile(contract.address)}>
            Download the Safe file
          </Button>
        )}
        {!isForContractOnly && found[chosen] && (
          <Button loading={isBusy} onClick={() => run(found[chosen]?.provider as Provider)}>
            Sign and send with {inert(found[chosen].name)}
          </Button>
        )}
        <CopyButton text={data} />
        <Button variant="default" disabled={stage.at === 'signing'} onClick={onLeave}>
          Cancel
        </Button>
      </Group>
      <details>
        <summary style={{ padding: '0.25rem 0' }}>Contract and calldata</summary>
        <Json label="Contract and calldata" value={{ chain_id: me.chain.id, to, value: '0', data }} />
      </details>
    </Alert>
  );
}

/** From the decoded bytes that will be signed, not from the form. */
function CallFacts(props: { requested: OwnerAction; call: Prepared; to: string; data: `0x${string}` }) {
  const { requested, call, to, data } = props;
  const { name, values } = methodOf({ to: getAddress(to), data });
  const shown = (argument: string, value: string): string => {
    if (/^(perPayment_|perPeriod_|amount)$/.test(argument)) return `${formatUsdc(BigInt(value))} USDC`;
    if (argument !== 'validUntil_') return value.replaceAll(/["[\]]/g, '').replaceAll(',', ', ') || 'none';
    return requested.untilS === undefined ? 'no expiry' : new Date(Number(value) * 1000).toLocaleString();
  };
  const roles = rolesFor(requested.action).map((role) => (role === 'pendingOwner' ? 'the next owner' : `the ${role}`));
  return (
    <DescriptionList
      facts={[
        ['Contract', <Mono key="to">{to}</Mono>],
        ['Method', <Mono key="method">{name}</Mono>],
        ...Object.entries(values).map(
          ([argument, value]) =>
            [argument.replaceAll('_', ''), <Mono key={argument}>{shown(argument, value)}</Mono>] as [
              string,
              React.ReactNode,
            ],
        ),
        ['Effect', inert(call.effect)],
        [
          'Allowed senders',
          call.senders.map(({ role, address }) => `${role} ${address}`).join(', ') || roles.join(' or '),
        ],
      ]}
    />
  );
}

function Progress({ stage }: { stage: Stage }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div role="status">
      {stage.at === 'checking' && <Text mt="sm">Asking your wallet for its account and its chain.</Text>}
      {stage.at === 'signing' && (
        <Text mt="sm">Your wallet asks for a signature now. Compare what it shows with this page.</Text>
      )}
      {stage.at === 'sent' && (
        <Text mt="sm">
          Sent as <Mono>{stage.hash}</Mono>. Waiting for a block,{' '}
          {Math.max(0, Math.round((now - stage.sinceMs) / 1000))} s.
        </Text>
      )}
    </div>
  );
}

function CopyButton({ text }: { text: string }) {
  const [said, setSaid] = useState('Copy the calldata');
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid('Copied');
    } catch {
      setSaid('Not copied: copy it from below');
    }
  };
  return (
    <Button variant="default" onClick={copy}>
      {said}
    </Button>
  );
}

type Ordered = {
  transaction: string;
  state: string;
  succeeded: boolean | null;
  tx_hash: string | null;
  detail: string;
};

type OwnerOrder = {
  agentId: string;
  requested: OwnerAction;
  call: { to: `0x${string}`; data: `0x${string}` };
  chainId: number;
};

/** The server sends with the same key, and only one program may: the key's signature authorizes it, for minutes and once. */
async function order(
  provider: Provider,
  from: `0x${string}`,
  { agentId, requested, call, chainId }: OwnerOrder,
  onSent: (what: string) => void,
): Promise<string> {
  const expiresAtS = Math.floor(Date.now() / 1000) + SIGNED_CALL_SECONDS - 60;
  const signature = await signTyped(provider, from, ownerCallTypedData(chainId, call, expiresAtS), chainId);
  const expires = new Date(expiresAtS * 1000).toISOString();
  const path = `/v1/agents/${agentId}/owner-calls`;
  const { transaction } = await ask<Ordered>(path, { ...inputOf(requested), expires_at: expires, signature });
  onSent(`order ${transaction} to this server`);
  for (;;) {
    const now = await ask<Ordered>(`/v1/owner-calls/${transaction}`);
    if (now.succeeded === true && now.tx_hash !== null) return now.tx_hash;
    if (now.state === 'dropped' || now.succeeded === false) {
      throw new Error(`The contract rejected the call: ${now.detail ?? 'it reverted'}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

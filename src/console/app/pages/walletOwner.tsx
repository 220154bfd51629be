import { Alert, Button, Group, NativeSelect, Text, Textarea, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { ceilingChanges, isOfRegistry, type OwnerAction, type OwnerActionName } from '../../../control/owner/action.ts';
import { differencesOfCall } from '../../../control/owner/sameCall.ts';
import { formatUsdc, parseUsdc } from '../../../core/money/microUsdc.ts';
import { durationInWords } from '../../../core/time/duration.ts';
import { ask } from '../api.ts';
import { Card } from '../components/card.tsx';
import { short } from '../format.ts';
import { useMe } from '../session.tsx';
import { useAsk } from '../useAsk.ts';
import { type Agent, inert } from '../views.ts';
import { walletProblem } from '../wallet.ts';
import { ConfirmCall } from './walletConfirm.tsx';
import { acts, type FieldName, inputOf, requestedOf, type Typed } from './walletForm.ts';
import type { Prepared, Wallet } from './walletViews.ts';

type Policy = { digest: string; note: string; active: boolean };

const nothing: Typed = {
  ...{ perPayment: '', perPeriod: '', address: '', addresses: '', threshold: '' },
  ...{ on: 'on', until: '', amount: '', digest: '', payment: '' },
};

/** The first values of the fields: the wallet's current settings, where the action changes one. */
function startOf(action: OwnerActionName, wallet: Wallet): Typed {
  if (action === 'set_ceilings') {
    const { per_payment: perPayment, per_period: perPeriod } = wallet.ceilings;
    return { ...nothing, perPayment: perPayment.value, perPeriod: perPeriod.value };
  }
  if (action === 'set_approvers') {
    return { ...nothing, addresses: wallet.approvers.join('\n'), threshold: String(wallet.threshold) };
  }
  return action === 'set_allow_list' ? { ...nothing, on: wallet.allow_list_on ? 'off' : 'on' } : nothing;
}

/** The actions that would change something now. */
function offered({ frozen, pending_raise: raise, next_owner: next, registry }: Wallet): OwnerActionName[] {
  const all = Object.keys(acts) as OwnerActionName[];
  return all.filter((action) => {
    if (action === 'cancel_raise') return raise !== null;
    if (action === 'freeze') return !frozen;
    if (action === 'unfreeze') return frozen;
    if (action === 'accept_ownership') return next !== null;
    if (action === 'accept_registry') return registry !== null && registry.next_owner !== null;
    return registry !== null || !isOfRegistry(action);
  });
}

/**
 * One form for all actions of owner and guardian. The server prepares the call; a browser wallet sends it, never the server's key.
 */
export function OwnerActs({ agent, wallet, reload }: { agent: Agent; wallet: Wallet; reload: () => void }) {
  const me = useMe();
  const [action, setAction] = useState<OwnerActionName>('set_ceilings');
  const [typed, setTyped] = useState<Typed>(() => startOf('set_ceilings', wallet));
  const [prepared, setPrepared] = useState<{ requested: OwnerAction; call: Prepared } | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const { title, says, labels } = acts[action];
  const mayDo = offered(wallet);
  const confirmation = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (prepared) confirmation.current?.focus();
  }, [prepared]);

  // An action that is done, here or elsewhere, is no longer offered; one that is being sent stays until its result was read.
  const isOver = prepared === null && !mayDo.includes(action);
  useEffect(() => {
    if (!isOver) return;
    setAction('set_ceilings');
    setTyped(startOf('set_ceilings', wallet));
    setPrepared(null);
  }, [isOver, wallet]);

  const choose = (next: OwnerActionName): void => {
    setAction(next);
    setTyped(startOf(next, wallet));
    setPrepared(null);
    setFailure(null);
  };
  const prepare = async (): Promise<void> => {
    setBusy(true);
    setFailure(null);
    setPrepared(null);
    try {
      const requested = requestedOf(action, typed);
      const call = await ask<Prepared>(`/v1/agents/${agent.id}/owner-calls/prepare`, inputOf(requested));
      const target = {
        wallet: wallet.wallet,
        purse: wallet.purse as `0x${string}`,
        token: me.chain.usdc as `0x${string}`,
        registry: wallet.registry?.address ?? null,
      };
      const wrong = differencesOfCall(me.chain.id, target, requested, call);
      if (wrong.length > 0) {
        throw new Error(
          `The server prepared a call that differs from this form (${wrong.join(', ')}). Nothing was sent.`,
        );
      }
      setPrepared({ requested, call });
    } catch (error) {
      setFailure(walletProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Card title="Owner actions">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void prepare();
        }}
      >
        <NativeSelect
          label="Action"
          description={says}
          data={(mayDo.includes(action) ? mayDo : [action, ...mayDo]).map((value) => ({
            value,
            label: acts[value].title,
          }))}
          value={action}
          onChange={(event) => choose(event.currentTarget.value as OwnerActionName)}
          mb="sm"
        />
        {(Object.entries(labels) as [FieldName, string][]).map(([field, label]) => (
          <Field
            key={`${action} ${field}`}
            field={field}
            label={label}
            value={typed[field]}
            onChange={(value) => {
              setTyped((before) => ({ ...before, [field]: value }));
              setPrepared(null);
            }}
          />
        ))}
        {action === 'set_ceilings' && <CeilingEffect typed={typed} wallet={wallet} />}
        <Group mt="sm">
          <Button type="submit" variant="default" loading={isBusy}>
            Prepare: {title}
          </Button>
        </Group>
      </form>
      {failure && (
        <Alert mt="sm" color="red" variant="outline" role="alert" title="Not prepared">
          {failure}
        </Alert>
      )}
      <div ref={confirmation} tabIndex={-1}>
        {prepared && (
          <ConfirmCall
            key={prepared.call.data}
            agent={agent}
            wallet={wallet}
            requested={prepared.requested}
            call={prepared.call}
            onDone={() => {
              setPrepared(null);
              reload();
            }}
            onLeave={() => setPrepared(null)}
          />
        )}
      </div>
    </Card>
  );
}

function Field(props: { field: FieldName; label: string; value: string; onChange: (value: string) => void }) {
  const { field, label, value, onChange } = props;
  const policies = useAsk<{ policies: Policy[] }>(field === 'digest' ? '/v1/policies' : null, 'roster').data;
  if (field === 'digest') {
    const known = (policies?.policies ?? []).map(({ digest, note, active }) => ({
      value: digest,
      label: `${short(digest)} ${inert(note)}${active ? ' (active on this server)' : ''}`,
    }));
    const data = [{ value: '', label: 'Choose a policy' }, ...known];
    return (
      <NativeSelect
        label={label}
        data={data}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        mb="xs"
      />
    );
  }
  if (field === 'on') {
    return (
      <NativeSelect
        label={label}
        data={['on', 'off']}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        mb="xs"
      />
    );
  }
  if (field === 'addresses') {
    return (
      <Textarea
        label={label}
        autosize
        minRows={2}
        maxRows={8}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
        mb="xs"
      />
    );
  }
  return (
    <TextInput
      label={label}
      type={field === 'until' ? 'datetime-local' : 'text'}
      autoComplete="off"
      spellCheck={false}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      mb="xs"
    />
  );
}

/** Shown before anyone signs: which change is a reduction and which a raise, and when each takes effect. */
function CeilingEffect({ typed, wallet }: { typed: Typed; wallet: Wallet }) {
  const { per_payment: perPayment, per_period: perPeriod, raise_delay_seconds: delay } = wallet.ceilings;
  let wanted: { perPayment: bigint; perPeriod: bigint };
  try {
    wanted = { perPayment: parseUsdc(typed.perPayment), perPeriod: parseUsdc(typed.perPeriod) };
  } catch {
    return null;
  }
  const now = { perPayment: parseUsdc(perPayment.value), perPeriod: parseUsdc(perPeriod.value) };
  const changes = ceilingChanges(now, wanted, delay);
  const replaces = wallet.pending_raise !== null && changes.some(({ from, to }) => from !== to);
  return (
    <div role="status">
      {changes.map(({ name, from, to, afterS }) => (
        <Text key={name} size="sm">
          {name === 'per payment' ? 'Per payment' : 'Per period'}: {formatUsdc(from)} USDC{' '}
          {to === from ? 'unchanged.' : `to ${formatUsdc(to)} USDC, ${when(to < from, afterS, wallet.chain_time)}`}
        </Text>
      ))}
      {replaces && <Text size="sm">This replaces the pending raise, or cancels it if no ceiling is raised.</Text>}
    </div>
  );
}

function when(isCut: boolean, afterS: number, chainTime: string): string {
  if (isCut) return 'a cut: effective with the transaction.';
  if (afterS === 0) return 'a raise: effective with the transaction, because this wallet has no delay.';
  const at = new Date(Date.parse(chainTime) + afterS * 1000);
  return `a raise: effective ${durationInWords(afterS)} after the transaction, not before ${at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' })}.`;
}

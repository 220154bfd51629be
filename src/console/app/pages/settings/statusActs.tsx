import { ask } from '../../api.ts';
import { Act, Refused, useSending } from '../../forms.tsx';
import { inert } from '../../views.ts';

type Subject = { id: string; name: string; status: string };

/** Freezes, unfreezes or permanently revokes a sponsor or a workflow. */
export function StatusActs({ of, path, reload }: { of: Subject; path: string; reload: () => void }) {
  const sending = useSending();
  if (of.status === 'revoked') return 'none';
  const set = (status: string) => () => ask(`${path}/${of.id}/status`, { status });
  const isFrozen = of.status === 'frozen';
  const name = inert(of.name);
  return (
    <span className="acts">
      <Act
        label={isFrozen ? 'Unfreeze' : 'Freeze'}
        name={`${isFrozen ? 'Unfreeze' : 'Freeze'} ${name}`}
        sending={sending}
        job={set(isFrozen ? 'active' : 'frozen')}
        then={reload}
      />
      <Act
        label="Revoke"
        name={`Revoke ${name}`}
        ask={`Revoke ${name} permanently? This cannot be undone.`}
        sending={sending}
        job={set('revoked')}
        then={reload}
      />
      <Refused problem={sending.problem} />
    </span>
  );
}

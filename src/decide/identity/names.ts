import { BursarError } from '../../core/errors/base.ts';
import { skeletons } from '../../core/text/confusables.ts';
import type { ReadTx, Tx } from '../../store/store.ts';
import { namedRow, nameWithSkeleton, newSkeleton } from './queries.ts';

export type NamedKind = 'sponsors' | 'agents' | 'workflows' | 'payees' | 'approvers';
export type NewName = { id: string; name: string; confirmConfusable?: boolean | undefined };

/**
 * Reserves a name for a new agent, payee and so on. Throws `conflict` if it is in use, and `confusable_name` if it looks like
 * another one (UTS 39) and no operator has confirmed it.
 */
export async function takeName(
  tx: Tx,
  kind: NamedKind,
  { id, name, confirmConfusable = false }: NewName,
): Promise<void> {
  const taken = await tx.get(namedRow[kind], { name });
  if (taken) throw new BursarError('conflict', { message: `"${name}" exists already.`, details: { id: taken.id } });
  const forms = skeletons(name);
  const twin = confirmConfusable ? null : await twinOf(tx, kind, forms);
  if (twin) {
    throw new BursarError('confusable_name', {
      message: `"${name}" can be taken for "${twin.name}" (${twin.id}), which exists.`,
      details: { twin },
    });
  }
  for (const form of forms) {
    await tx.run(newSkeleton, { kind, skeleton: form, id, name });
  }
}

async function twinOf(
  tx: ReadTx,
  kind: NamedKind,
  forms: readonly string[],
): Promise<{ id: string; name: string } | null> {
  for (const form of forms) {
    const found = await tx.get(nameWithSkeleton, { kind, skeleton: form });
    if (found) return { id: found.id, name: found.name };
  }
  return null;
}

import { inert } from '../views.ts';

export type Version = {
  digest: string;
  note: string;
  active: boolean;
  shadow: boolean;
  loaded_at: string;
  activated_at: string | null;
};

/** Enough of the digest to tell versions apart, and why it is there. */
export const nameOf = ({ digest, note }: Version): string => `${digest.slice(7, 19)} (${inert(note)})`;

export const activeOf = (versions: readonly Version[]): Version | undefined => versions.find(({ active }) => active);

/** The version that a rollback activates: the previous one. */
export function beforeOf(versions: readonly Version[]): Version | undefined {
  return versions
    .filter(({ active, activated_at: at }) => !active && at !== null)
    .sort((a, b) => String(b.activated_at).localeCompare(String(a.activated_at)))[0];
}

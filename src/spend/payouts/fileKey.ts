import { sha256 } from '../../core/ids/digest.ts';

const NAME_SHOWN = 80;

/**
 * The payout key of a file follows from its name, so a file that was changed after part of it was paid is a conflict and not
 * another payout. The hash covers the whole name; the readable part before it may be cut.
 */
export function fileKey(name: string): string {
  const whole = name.normalize('NFC');
  const shown = whole.replaceAll(/[^\w.-]+/g, '_').slice(0, NAME_SHOWN);
  return `file:${shown}:${sha256(whole).slice(0, 32)}`;
}

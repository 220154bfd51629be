import { initial } from './0001_initial.ts';
import { mandates } from './0002_mandates.ts';
import { stops } from './0003_stops.ts';
import { sessions } from './0004_sessions.ts';
import { notices } from './0005_notices.ts';
import { invoicesDue } from './0006_invoices_due.ts';
import { allowListSeen } from './0007_allow_list_seen.ts';
import { verdicts } from './0008_verdicts.ts';
import { shadows } from './0009_shadows.ts';
import { people } from './0010_people.ts';
import { epochs } from './0011_epochs.ts';
import { logHeads } from './0012_log_heads.ts';
import { chainTrust } from './0015_chain_trust.ts';
import { nameSkeletons } from './0016_name_skeletons.ts';
import { meterGenerations } from './0017_meter_generations.ts';

export type Migration = { name: string; sql: string };

/** Forward only; a released migration is frozen. The position in this list (from 1) is SQLite's `user_version`. */
export const migrations: readonly Migration[] = [
  { name: '0001_initial', sql: initial },
  { name: '0002_mandates', sql: mandates },
  { name: '0003_stops', sql: stops },
  { name: '0004_sessions', sql: sessions },
  { name: '0005_notices', sql: notices },
  { name: '0006_invoices_due', sql: invoicesDue },
  { name: '0007_allow_list_seen', sql: allowListSeen },
  { name: '0008_verdicts', sql: verdicts },
  { name: '0009_shadows', sql: shadows },
  { name: '0010_people', sql: people },
  { name: '0011_epochs', sql: epochs },
  { name: '0012_log_heads', sql: logHeads },
  { name: '0015_chain_trust', sql: chainTrust },
  { name: '0016_name_skeletons', sql: nameSkeletons },
  { name: '0017_meter_generations', sql: meterGenerations },
];

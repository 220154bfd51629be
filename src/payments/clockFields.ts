import type { PolicyInput } from '../policy/input.ts';

type Fields = Omit<PolicyInput['time'], 'ms'>;
const formats = new Map<string, Intl.DateTimeFormat>();
let last: { minute: number; zone: string; fields: Fields } | null = null;

/** A server timestamp (epoch ms) as the policy sees it, in the policy's IANA zone. Weekday 1 is Monday (ISO 8601). */
export function clockFields(ms: number, zone: string): PolicyInput['time'] {
  // Every zone's offset is whole minutes today, so the fields hold for the whole minute.
  const minute = Math.floor(ms / 60_000);
  if (last?.minute !== minute || last.zone !== zone) last = { minute, zone, fields: fieldsOf(ms, zone) };
  return { ms, ...last.fields };
}

function fieldsOf(ms: number, zone: string): Fields {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
    formats.set(zone, format);
  }
  const parts: Record<string, number> = {};
  for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0 } = parts;
  const sundayFirst = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
  return { year, month, day, weekday: sundayFirst === 0 ? 7 : sundayFirst, hour, minute, zone };
}

import type { TFunction } from 'i18next';
import type { ContainerEvent } from '../../api/types';
import { localTime } from '../../format/time';
import type { Mark } from '../../chart/plot';

/** Events that are drawn; the others are only listed. */
const KINDS: Record<string, Mark['kind']> = {
  start: 'start',
  restart: 'start',
  unpause: 'start',
  die: 'die',
  pause: 'other',
  oom: 'oom',
  destroy: 'other',
};

/** Which of `events` belong on the axis, with what they say on hover. */
export function marksOf(events: readonly ContainerEvent[], t: TFunction): Mark[] {
  const out: Mark[] = [];
  for (const e of events) {
    const kind = e.action.startsWith('health_status') ? 'health' : KINDS[e.action];
    if (kind) out.push({ t: e.t, kind, title: `${localTime(e.t)}  ${eventText(e, t)}` });
  }
  return out;
}

const WORDED = [
  'create',
  'start',
  'die',
  'oom',
  'health_status',
  'pause',
  'unpause',
  'restart',
  'kill',
  'stop',
  'destroy',
  'rename',
] as const;

/** An event in words: `ended, exit 137`. */
export function eventText(e: ContainerEvent, t: TFunction): string {
  const action = e.action.split(':')[0] ?? e.action;
  const known = WORDED.find((w) => w === action);
  const parts = [known ? t(`event.${known}`) : e.action];
  const a = e.attributes;
  const code = a.exit_code ?? a.exitCode;
  if (code !== undefined && code !== '') parts.push(t('verdict.exit', { code }));
  if (a.signal) parts.push(t('event.signal', { signal: a.signal }));
  const health = a.health ?? a.health_status;
  if (health) parts.push(health);
  return parts.join(', ');
}

import type { i18n } from 'i18next';
import type { Obstacle } from '../api/types';
import { say } from '../i18n/sentences';

type Part = 'missing' | 'costs' | 'remedy';

/** `host_netdev_failed` is one of a kind: the word for the kind, and what it is about. */
function keyOf(code: string): { key: string; name: string } {
  const m = /^host_(.+)_(absent|failed)$/.exec(code);
  return m ? { key: `host_${m[2] ?? ''}`, name: m[1] ?? '' } : { key: code, name: '' };
}

/** The obstacle in the viewer's language where it is worded there; the server's own sentence otherwise. */
export function obstacleText(o: Obstacle, i18next: i18n): Record<Part, string> {
  const { key, name } = keyOf(o.code);
  const word = (part: Part): string => {
    const found: unknown = i18next.getResource(i18next.language, 'translation', `obstacle.${key}.${part}`);
    return typeof found === 'string' ? found.replace('{{name}}', name) : say(o[part], i18next.language);
  };
  return { missing: word('missing'), costs: word('costs'), remedy: word('remedy') };
}

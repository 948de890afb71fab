import type { i18n } from 'i18next';
import type { Obstacle } from '../api/types';

/** The obstacle in the viewer's language where it is worded there; the server's own sentence otherwise. */
export function obstacleText(o: Obstacle, i18next: i18n): Pick<Obstacle, 'missing' | 'costs' | 'remedy'> {
  const word = (part: 'missing' | 'costs' | 'remedy') => {
    const key = `obstacle.${o.code}.${part}`;
    return i18next.exists(key, { lngs: [i18next.language] }) && i18next.language !== 'en'
      ? i18next.getResource(i18next.language, 'translation', key)
      : o[part];
  };
  return { missing: String(word('missing')), costs: String(word('costs')), remedy: String(word('remedy')) };
}

import { useTranslation } from 'react-i18next';
import type { Obstacle } from '../api/types';
import { obstacleText } from './obstacle';
import classes from './ObstacleList.module.css';

/** What is in the way, what that costs, and what helps. */
export function ObstacleList({ obstacles }: { obstacles: readonly Obstacle[] }) {
  const { t, i18n } = useTranslation();
  if (obstacles.length === 0) return null;
  return (
    <ul className={classes.list}>
      {obstacles.map((o, i) => {
        const text = obstacleText(o, i18n);
        return (
          <li key={`${o.code}${i}`} className={classes.item}>
            <strong>{text.missing}</strong>
            <span>
              {t('status.costs')} {text.costs}
            </span>
            <span>
              {t('status.remedy')} {text.remedy}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

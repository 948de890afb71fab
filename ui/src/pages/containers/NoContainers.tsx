import { useTranslation } from 'react-i18next';
import { useStatus } from '../../api/hooks';
import { ObstacleList } from '../../widgets/ObstacleList';
import classes from './ContainersPage.module.css';

/** No container at all: either there is none, or something is in the way. */
export function NoContainers() {
  const { t } = useTranslation();
  const status = useStatus();
  const obstacles = status.data?.obstacles ?? [];
  return (
    <div className={`panel ${classes.note}`}>
      <h2>{t('containers.none')}</h2>
      <p>{obstacles.length === 0 ? t('containers.noneHint') : t('containers.noneObstacles')}</p>
      <ObstacleList obstacles={obstacles} />
    </div>
  );
}

import { useTranslation } from 'react-i18next';
import { useTitle } from '../../app/useTitle';
import { LogView } from './LogView';

export function LogsPage() {
  const { t } = useTranslation();
  useTitle(t('nav.logs'));
  return (
    <>
      <h1 className="sr-only">{t('nav.logs')}</h1>
      <LogView height="calc(100vh - 320px)" />
    </>
  );
}

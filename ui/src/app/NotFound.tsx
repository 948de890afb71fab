import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main style={{ padding: 24 }}>
      <h1>{t('error.noPage')}</h1>
      <Link to="/">{t('error.goHome')}</Link>
    </main>
  );
}

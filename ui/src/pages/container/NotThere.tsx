import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

export function NotThere({ id, message }: { id: string; message: string }) {
  const { t } = useTranslation();
  return (
    <div className="panel" style={{ padding: 24 }} role="alert">
      <h1 style={{ fontSize: 15, marginTop: 0 }}>{t('container.notThere', { id })}</h1>
      <p className="muted">{message}</p>
      <Link to="/">{t('error.goHome')}</Link>
    </div>
  );
}

import { Button } from '@mantine/core';
import type { ErrorComponentProps } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';

/** What stands in the place of a page that could not be drawn. */
export function PageError({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation();
  return (
    <main style={{ padding: 24 }} role="alert">
      <h1>{t('error.page')}</h1>
      <p className="mono">{error instanceof Error ? error.message : String(error)}</p>
      <Button variant="default" onClick={reset}>
        {t('error.again')}
      </Button>
    </main>
  );
}

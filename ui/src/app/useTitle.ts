import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

/** The window's title: the page first, then the product. */
export function useTitle(page: string): void {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${page} · ${t('product')}`;
  }, [page, t]);
}

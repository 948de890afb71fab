import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';

/** What the server calls itself (`--web.page-title`); the page's title before any of ours is set. */
const NAME = typeof document === 'undefined' ? '' : document.title;

/** The window's title: the page first, then the product. */
export function useTitle(page: string): void {
  const { t } = useTranslation();
  useEffect(() => {
    document.title = `${page} · ${NAME || t('product')}`;
  }, [page, t]);
}

import { Button } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useWhyEmpty } from '../api/hooks';
import { ago, localTime, utcTime } from '../format/time';
import type { PageRange } from '../time/useRange';

/** Why there is nothing to draw, and the one click that helps. */
export function EmptyReason({ query, range }: { query: string; range: PageRange }) {
  const { t, i18n } = useTranslation();
  const navigate = useNavigate();
  const { data, error } = useWhyEmpty(query, range, query !== '');
  if (error) return <span>{error.message || t('error.unreachable')}</span>;
  if (!data) return <span>{t('empty.looking')}</span>;
  const metric = data.metric ?? query;
  const seen = data.last_seen_ms;
  switch (data.reason) {
    case 'no_such_metric':
      return (
        <>
          <span>{t('empty.noSuchMetric', { metric })}</span>
          {data.nearest.length > 0 && (
            <span>
              {t('empty.nearest')}{' '}
              {data.nearest.slice(0, 4).map((name) => (
                <Link
                  key={name}
                  to="/explore"
                  search={{ q: name, view: 'graph', from: range.text.from, to: range.text.to }}
                  className="mono"
                  style={{ marginRight: 8 }}
                >
                  {name}
                </Link>
              ))}
            </span>
          )}
        </>
      );
    case 'nothing_in_range':
    case 'no_series_match':
      if (seen === null)
        return <span>{t(data.reason === 'no_series_match' ? 'empty.noSeriesMatch' : 'empty.nothingInRange')}</span>;
      return (
        <>
          <span title={utcTime(seen)}>
            {t('empty.lastSeen', { time: localTime(seen), ago: ago(seen, Date.now(), i18n.language) })}
          </span>
          <Button
            size="compact-sm"
            variant="default"
            onClick={() => range.zoom(seen - 45 * 60_000, seen + 15 * 60_000)}
          >
            {t('empty.goThere')}
          </Button>
        </>
      );
    case 'target_down':
      return (
        <>
          <span>{t('empty.targetDown', { error: data.target_error ?? '' })}</span>
          <Button size="compact-sm" variant="default" onClick={() => void navigate({ to: '/status' })}>
            {t('empty.openTargets')}
          </Button>
        </>
      );
    case 'still_collecting':
      return <span>{t('empty.stillCollecting')}</span>;
    case 'ok':
      return <span>{t('empty.nothingInRange')}</span>;
  }
}

import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { queryVector } from '../../api/loki';
import { parseValue } from '../../api/prometheus';
import { format } from '../../format/units';
import type { PageRange } from '../../time/useRange';
import { fieldState } from './ask';
import classes from './Facets.module.css';
import { retry, topQuery } from './useLogs';

interface Props {
  name: string;
  /** The lines among which is counted. */
  logql: string;
  /** What stands in the box, to show what is chosen. */
  text: string;
  parsers: readonly string[];
  range: PageRange;
  top: number;
  onField: (name: string, value: string, not: boolean) => void;
}

/** The most frequent values of a field with the number of their lines; a click asks for one, or against it. */
export function FacetValues({ name, logql, text, parsers, range, top, onField }: Props) {
  const { t } = useTranslation();
  const { data, error, isFetching } = useQuery({
    queryKey: ['log-facet', name, logql, top, parsers.join(), range.text.from, range.text.to],
    queryFn: async ({ signal }) => {
      const now = range.now();
      const found = await queryVector(topQuery(logql, name, now.end - now.start, top, parsers), now.end, signal);
      return found
        .map((item) => ({ value: item.metric[name] ?? '', count: parseValue(item.value?.[1] ?? '0') }))
        .sort((a, b) => b.count - a.count);
    },
    refetchInterval: range.live ? 30_000 : false,
    staleTime: 10_000,
    placeholderData: (before) => before,
    retry,
  });
  if (error)
    return (
      <p className={classes.note} title={error.message}>
        {t('logs.facet.failed')}
      </p>
    );
  if (!data) return <p className={classes.note}>{isFetching ? t('logs.facet.counting') : ''}</p>;
  if (data.length === 0) return <p className={classes.note}>{t('logs.facet.none')}</p>;
  const most = data[0]?.count ?? 1;
  return (
    <ul className={classes.values}>
      {data.map(({ value, count }) => {
        const chosen = fieldState(text, name, value);
        return (
          <li key={value} className={classes.value}>
            <span className={classes.level} style={{ transform: `scaleX(${count / most})` }} aria-hidden="true" />
            <button
              type="button"
              className={`${classes.pick} cut`}
              aria-pressed={chosen === true}
              title={t('logs.facet.only', { name, value })}
              onClick={() => onField(name, value, false)}
            >
              {value}
            </button>
            <span className={classes.count}>{format(count, 'count')}</span>
            <button
              type="button"
              className={classes.not}
              aria-pressed={chosen === false}
              aria-label={t('logs.facet.not', { name, value })}
              title={t('logs.facet.not', { name, value })}
              onClick={() => onField(name, value, true)}
            >
              −
            </button>
          </li>
        );
      })}
    </ul>
  );
}

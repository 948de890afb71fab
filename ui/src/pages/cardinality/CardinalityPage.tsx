import { Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useCardinality } from '../../api/hooks';
import type { Cardinality } from '../../api/types';
import { useTitle } from '../../app/useTitle';
import { useUrlState } from '../../app/useUrlState';
import { ago } from '../../format/time';
import { percent } from '../../format/units';
import { say } from '../../i18n/sentences';
import { FilterBox } from '../../widgets/FilterBox';
import { useRowKeys } from '../alerts/useRowKeys';
import classes from './Cardinality.module.css';
import { Counts } from './Counts';
import { Folds } from './Folds';
import { chosen, chosenFolds, countQuery, fits, labelQuery, pairQuery } from './model';

export function CardinalityPage() {
  const { t } = useTranslation();
  useTitle(t('nav.cardinality'));
  const [search, patch] = useUrlState();
  const { data, error } = useCardinality();
  const filterBox = useRef<HTMLInputElement>(null);
  useRowKeys(filterBox);
  const filter = search.filter ?? '';
  if (error && !data)
    return (
      <div role="alert" className={`panel ${classes.box}`}>
        {error.message || t('error.unreachable')}
      </div>
    );
  if (!data) return null;
  return (
    <>
      <h1 className="sr-only">{t('nav.cardinality')}</h1>
      <div className={classes.tools}>
        <Summary data={data} />
        <FilterBox
          box={filterBox}
          className={classes.filter}
          filter={search.filter}
          onFilter={(filter) => patch({ filter })}
          label={t('cardinality.filter')}
        />
      </div>
      <FoldPanel data={data} filter={filter} />
      <Lists data={data} filter={filter} />
    </>
  );
}

function Summary({ data }: { data: Cardinality }) {
  const { t, i18n } = useTranslation();
  const number = (v: number) => v.toLocaleString(i18n.language);
  const { budgets } = data;
  return (
    <dl className={classes.tiles}>
      <div>
        <dt>{t('cardinality.series')}</dt>
        <dd>
          {number(data.series)}{' '}
          <span className="muted">
            {budgets.series > 0 ? t('cardinality.of', { budget: number(budgets.series) }) : t('cardinality.noBudget')}
          </span>
        </dd>
      </div>
      <div>
        <dt>{t('cardinality.memory')}</dt>
        <dd>
          {percent(data.memory_percent / 100)}{' '}
          <span className="muted">
            {budgets.memory_percent > 0
              ? t('cardinality.foldsAbove', { percent: budgets.memory_percent })
              : t('cardinality.noBudget')}
          </span>
          {data.memory_short && <strong className={classes.short}> {t('cardinality.memoryShort')}</strong>}
        </dd>
      </div>
      <div>
        <dt>{t('cardinality.members')}</dt>
        <dd>
          {number(data.folded_members)}{' '}
          <span className="muted">{t('cardinality.of', { budget: number(budgets.folded_members) })}</span>
        </dd>
      </div>
      <div>
        <dt>{t('cardinality.perMetric')}</dt>
        <dd>{budgets.series_per_metric > 0 ? number(budgets.series_per_metric) : t('cardinality.noBudget')}</dd>
      </div>
      <div>
        <dt>{t('cardinality.perTarget')}</dt>
        <dd>{budgets.series_per_target > 0 ? number(budgets.series_per_target) : t('cardinality.noBudget')}</dd>
      </div>
    </dl>
  );
}

function FoldPanel({ data, filter }: { data: Cardinality; filter: string }) {
  const { t, i18n } = useTranslation();
  const folds = chosenFolds(data, filter);
  return (
    <section className={`panel ${classes.box}`}>
      <h2 className={classes.title}>{t('cardinality.folds')}</h2>
      {data.folds.length === 0 && <p className="muted">{t('cardinality.noFolds')}</p>}
      {data.folds.length > 0 && folds.length === 0 && <p className="muted">{t('cardinality.noMatch')}</p>}
      {folds.length > 0 && (
        <>
          <p className={`muted ${classes.hint}`}>{t('cardinality.foldsHint')}</p>
          <Folds folds={folds} now={data.now_ms} />
        </>
      )}
      {data.rules.length > 0 && (
        <>
          <h3 className={classes.sub}>{t('cardinality.rules')}</h3>
          <ul className={classes.rules}>
            {data.rules.map((r) => (
              <li key={`${r.file} ${r.group} ${r.rule}`}>
                <Link to="/rules" search={{ filter: r.rule }} data-row className={classes.name}>
                  {r.group} / {r.rule}
                </Link>
                {r.warnings.map((w) => (
                  <div key={w} className="muted">
                    {say(w, i18n.language)}
                  </div>
                ))}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Lists({ data, filter }: { data: Cardinality; filter: string }) {
  const { t, i18n } = useTranslation();
  const series = t('cardinality.column.series');
  const came = [t('cardinality.column.created'), t('cardinality.column.removed'), series];
  const none = filter === '' ? t('cardinality.nothing') : t('cardinality.noMatch');
  const named = (name: string, query: string, values: number[]) => ({ key: name, name, query, values });
  const targets = data.targets.filter((x) => fits(filter, x.job, x.instance));
  return (
    <div className={classes.columns}>
      <Counts
        title={t('cardinality.topMetrics')}
        columns={[series]}
        rows={chosen(data.metrics, filter).map((m) => named(m.name, countQuery(m.name), [m.series]))}
        empty={none}
      />
      <Counts
        title={t('cardinality.churn')}
        columns={came}
        rows={chosen(data.churn, filter).map((m) =>
          named(m.name, countQuery(m.name), [m.created_1h, m.removed_1h, m.series]),
        )}
        empty={filter === '' ? t('cardinality.noChurn') : t('cardinality.noMatch')}
      />
      <Counts
        title={t('cardinality.targets')}
        columns={[series]}
        rows={targets.map((x) => {
          const query = `count({job=${JSON.stringify(x.job)},instance=${JSON.stringify(x.instance)}})`;
          return named([x.job, x.instance].filter(Boolean).join(' · ') || '–', query, [x.series]);
        })}
        empty={none}
      />
      <Counts
        title={t('cardinality.labels')}
        columns={[t('cardinality.column.values')]}
        rows={chosen(data.labels, filter).map((l) => named(l.name, labelQuery(l.name), [l.value]))}
        empty={none}
      />
      <Counts
        title={t('cardinality.pairs')}
        columns={[series]}
        rows={chosen(data.pairs, filter).map((p) => named(p.name, pairQuery(p.name), [p.value]))}
        empty={none}
      />
      <Counts
        title={t('cardinality.unused')}
        hint={t('cardinality.unusedHint', {
          metrics: data.unused.metrics.toLocaleString(i18n.language),
          series: data.unused.series.toLocaleString(i18n.language),
          since: ago(data.started_ms, data.now_ms, i18n.language),
        })}
        columns={[series]}
        rows={chosen(data.unused.top, filter).map((m) => named(m.name, countQuery(m.name), [m.value]))}
        empty={filter === '' ? t('cardinality.allUsed') : t('cardinality.noMatch')}
      />
    </div>
  );
}

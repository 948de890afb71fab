import { SegmentedControl } from '@mantine/core';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useRules, useStatus } from '../../api/hooks';
import { oneOf } from '../../app/search';
import { useTitle } from '../../app/useTitle';
import { useUrlState } from '../../app/useUrlState';
import { FilterBox } from '../../widgets/FilterBox';
import { AlertTable } from './AlertTable';
import classes from './Alerts.module.css';
import {
  alertRules,
  chosen,
  counts,
  flatAlerts,
  readStates,
  STATES,
  whyEmpty,
  writeStates,
  type ShownState,
} from './model';
import { Empty, State } from './parts';
import { RuleCard } from './RuleCard';
import { useRowKeys } from './useRowKeys';

const VIEWS = ['rule', 'alert'] as const;

export function AlertsPage() {
  const { t } = useTranslation();
  useTitle(t('nav.alerts'));
  const [search, patch] = useUrlState();
  const { data, error } = useRules();
  const status = useStatus();
  const filterBox = useRef<HTMLInputElement>(null);
  useRowKeys(filterBox);
  const groups = useMemo(() => data?.groups ?? [], [data]);
  const all = useMemo(() => alertRules(groups), [groups]);
  const view = oneOf(search.by, VIEWS);
  const filter = search.filter ?? '';
  const states = readStates(search.state);
  const rules = useMemo(() => chosen(all, readStates(search.state), filter), [all, search.state, filter]);
  const alerts = useMemo(() => flatAlerts(all, readStates(search.state), filter), [all, search.state, filter]);
  const number = counts(all);
  const toggle = (s: ShownState) => {
    // From "all" a click asks for this state alone; the last one given up means all again.
    const next = new Set(states.size === STATES.length ? [] : states);
    if (next.has(s)) next.delete(s);
    else next.add(s);
    patch({ state: writeStates(next) }, { push: true });
  };
  const narrowed = states.size < STATES.length;
  if (error && !data)
    return (
      <div role="alert" className={`panel ${classes.empty}`}>
        {error.message || t('error.unreachable')}
      </div>
    );
  if (!data) return null;
  const shown = view === 'rule' ? rules.length : alerts.length;
  const quiet = view === 'alert' && all.length > 0 && shown === 0 && !narrowed && filter === '';
  const reason = quiet ? null : whyEmpty(groups, all.length, shown, status.data?.config_yaml ?? '');
  return (
    <>
      <h1 className="sr-only">{t('nav.alerts')}</h1>
      <div className={classes.tools}>
        <div className={classes.counts} role="group" aria-label={t('alerts.states')}>
          {STATES.map((s) => (
            <button
              key={s}
              type="button"
              className={classes.count}
              aria-pressed={narrowed && states.has(s)}
              onClick={() => toggle(s)}
            >
              <State state={s} />
              <strong>{number[s]}</strong>
            </button>
          ))}
        </div>
        <FilterBox
          box={filterBox}
          className={classes.filter}
          filter={search.filter}
          onFilter={(filter) => patch({ filter })}
          label={t('alerts.filter')}
        />
        <SegmentedControl
          value={view}
          onChange={(v) => patch({ by: v === 'rule' ? undefined : v }, { push: true })}
          data={VIEWS.map((v) => ({ value: v, label: t(`alerts.by.${v}`) }))}
          aria-label={t('alerts.group')}
        />
      </div>
      {quiet && <div className={`panel ${classes.empty}`}>{t('alerts.empty.quiet', { count: all.length })}</div>}
      {reason && status.data && (
        <Empty reason={reason} onClear={() => patch({ state: undefined, filter: undefined }, { push: true })} />
      )}
      {view === 'rule' &&
        rules.map((r) => (
          <RuleCard
            key={r.key}
            item={r}
            open={search.open === undefined ? r.state === 'firing' : search.open === r.key}
            onToggle={(open) => patch({ open: open ? r.key : '-' }, { push: true })}
          />
        ))}
      {view === 'alert' && alerts.length > 0 && (
        <div className={`panel ${classes.scroll}`}>
          <AlertTable rows={alerts} named />
        </div>
      )}
    </>
  );
}

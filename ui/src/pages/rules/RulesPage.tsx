import { Link } from '@tanstack/react-router';
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useRules, useStatus } from '../../api/hooks';
import { useTitle } from '../../app/useTitle';
import { useUrlState } from '../../app/useUrlState';
import { span } from '../../format/time';
import { format } from '../../format/units';
import { say } from '../../i18n/sentences';
import { FilterBox } from '../../widgets/FilterBox';
import classes from '../alerts/Alerts.module.css';
import { whyEmpty, type GroupItem, type RuleItem } from '../alerts/model';
import { Ago, Empty, Labels } from '../alerts/parts';
import { useRowKeys } from '../alerts/useRowKeys';
import { chosenGroups, ruleCount } from './groups';
import { Health } from './Health';

export function RulesPage() {
  const { t } = useTranslation();
  useTitle(t('nav.rules'));
  const [search, patch] = useUrlState();
  const { data, error } = useRules();
  const status = useStatus();
  const filterBox = useRef<HTMLInputElement>(null);
  useRowKeys(filterBox);
  const filter = search.filter ?? '';
  const failing = search.health === 'err';
  const all = useMemo(() => data?.groups ?? [], [data]);
  const groups = useMemo(() => chosenGroups(all, filter, failing), [all, filter, failing]);
  if (error && !data)
    return (
      <div role="alert" className={`panel ${classes.empty}`}>
        {error.message || t('error.unreachable')}
      </div>
    );
  if (!data) return null;
  const number = ruleCount(all);
  const reason = whyEmpty(all, number.all, groups.length, status.data?.config_yaml ?? '');
  return (
    <>
      <h1 className="sr-only">{t('nav.rules')}</h1>
      <div className={classes.tools}>
        <span className="muted">{t('rules.summary', { groups: all.length, rules: number.all })}</span>
        <button
          type="button"
          className={classes.count}
          aria-pressed={failing}
          onClick={() => patch({ health: failing ? undefined : 'err' }, { push: true })}
        >
          <Health health="err" />
          <strong>{number.failing}</strong>
        </button>
        <FilterBox
          box={filterBox}
          className={classes.filter}
          filter={search.filter}
          onFilter={(filter) => patch({ filter })}
          label={t('rules.filter')}
        />
      </div>
      {reason && status.data && (
        <Empty reason={reason} onClear={() => patch({ filter: undefined, health: undefined }, { push: true })} />
      )}
      {groups.map((g) => (
        <Group key={`${g.file}:${g.name}`} group={g} />
      ))}
    </>
  );
}

function Group({ group }: { group: GroupItem }) {
  const { t, i18n } = useTranslation();
  return (
    <section className={`panel ${classes.group}`}>
      <div className={classes.groupHead}>
        <h2>{group.name}</h2>
        <span className="muted">
          {group.file}
          {group.language === 'logql' && ` · ${t('rules.overLogs')}`}
        </span>
        <span className={classes.place}>
          {t('rules.every', { interval: span(group.interval * 1000, i18n.language) })} · {t('rules.evaluated')}{' '}
          <Ago at={group.lastEvaluation} /> · {t('rules.took', { time: format(group.evaluationTime, 'seconds') })}
          {group.limit > 0 && ` · ${t('rules.limit', { limit: group.limit })}`}
        </span>
      </div>
      <div className={`panel ${classes.scroll}`} style={{ border: 0 }}>
        <table className={classes.table}>
          <thead>
            <tr>
              <th>{t('rules.column.health')}</th>
              <th>{t('rules.column.name')}</th>
              <th>{t('rules.column.expression')}</th>
              <th>{t('rules.column.last')}</th>
              <th className="num">{t('rules.column.took')}</th>
            </tr>
          </thead>
          <tbody>
            {group.rules.map((rule, n) => (
              <Row key={n} rule={rule} logql={group.language === 'logql'} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ rule, logql }: { rule: RuleItem; logql: boolean }) {
  const { t, i18n } = useTranslation();
  return (
    <tr>
      <td>
        <Health health={rule.health} />
      </td>
      <td className={classes.ruleName}>
        <Link
          data-row
          to={rule.type === 'alerting' ? '/alerts' : '/explore'}
          search={rule.type === 'alerting' ? { filter: rule.name } : { q: rule.name, view: 'graph' }}
          className={classes.name}
        >
          {rule.name}
        </Link>
        <div className="muted">
          {t(`rules.type.${rule.type}`)}
          {(rule.duration ?? 0) > 0 &&
            ` · ${t('alerts.for', { time: span((rule.duration ?? 0) * 1000, i18n.language) })}`}
        </div>
        {rule.labels && <Labels labels={rule.labels} />}
      </td>
      <td className={classes.cell}>
        <Link
          to={logql ? '/logs' : '/explore'}
          search={(s: Record<string, string | undefined>) => ({
            q: rule.query,
            ...(logql ? {} : { view: 'graph' }),
            from: s.from,
            to: s.to,
          })}
          title={t(logql ? 'rules.openInLogs' : 'chart.openInExplore')}
          className="mono"
        >
          {rule.query}
        </Link>
        {rule.lastError && (
          <p role="alert" className={classes.error}>
            {rule.lastError}
          </p>
        )}
        {rule.warnings?.map((w) => (
          <p key={w} className={classes.warning}>
            {say(w, i18n.language)}
          </p>
        ))}
      </td>
      <td className={classes.when}>
        <Ago at={rule.lastEvaluation} />
      </td>
      <td className="num">{format(rule.evaluationTime, 'seconds')}</td>
    </tr>
  );
}

import type { ReactNode } from 'react';
import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useStatus } from '../../api/hooks';
import type { Status } from '../../api/types';
import { oneOf } from '../../app/search';
import { useTitle } from '../../app/useTitle';
import { useUrlState } from '../../app/useUrlState';
import { ago, duration, localTime, utcTime } from '../../format/time';
import { bytes, format } from '../../format/units';
import { Breakable } from '../../widgets/Breakable';
import { ObstacleList } from '../../widgets/ObstacleList';
import { Discovery } from './Discovery';
import { Facts } from './Facts';
import { Queues } from './Queues';
import { Shed } from './Shed';
import classes from './StatusPage.module.css';
import { Targets } from './Targets';

const TABS = ['overview', 'targets', 'discovery', 'storage', 'config', 'flags'] as const;

export function StatusPage() {
  const { t } = useTranslation();
  useTitle(t('nav.status'));
  const [search, patch] = useUrlState();
  const tab = oneOf(search.tab, TABS);
  const { data, error } = useStatus();
  return (
    <>
      <h1 className="sr-only">{t('nav.status')}</h1>
      <Tabs
        value={tab}
        onChange={(v) => patch({ tab: v === 'overview' || v === null ? undefined : v }, { push: true })}
      >
        <Tabs.List mb="sm">
          {TABS.map((k) => (
            <Tabs.Tab key={k} value={k}>
              {t(`status.tab.${k}`)}
              {k === 'targets' && data && data.targets.down > 0 && (
                <span className={classes.down}>{t('status.downCount', { count: data.targets.down })}</span>
              )}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {error && !data && (
        <div role="alert" className={`panel ${classes.box}`}>
          {error.message || t('error.unreachable')}
        </div>
      )}
      {tab === 'overview' && data && (
        <>
          <Overview status={data} />
          <Shed status={data} />
          <Queues queues={data.queues} now={data.now_ms} />
        </>
      )}
      {tab === 'targets' && <Targets />}
      {tab === 'discovery' && <Discovery />}
      {tab === 'storage' && data && <Storage status={data} />}
      {tab === 'config' && data && <Config status={data} />}
      {tab === 'flags' && data && <Flags status={data} />}
    </>
  );
}

function Overview({ status: s }: { status: Status }) {
  const { t, i18n } = useTranslation();
  return (
    <div className={classes.columns}>
      <section className={`panel ${classes.box}`}>
        <h2 className={classes.title}>{t('status.process')}</h2>
        <Facts
          rows={[
            [t('status.version'), s.version],
            [t('status.revision'), <span className="mono">{s.revision || '–'}</span>],
            [
              t('status.up'),
              <span title={`${localTime(s.started_ms)} · ${utcTime(s.started_ms)}`}>
                {duration(s.now_ms - s.started_ms, i18n.language)}
              </span>,
            ],
            [t('status.resident'), bytes(s.memory.resident_bytes)],
            [t('status.reserved'), bytes(s.memory.reserved_bytes)],
            [t('status.limit'), s.memory.limit_bytes > 0 ? bytes(s.memory.limit_bytes) : t('fact.noLimit')],
            [
              t('status.configRead'),
              <span title={utcTime(s.config_reload_ms)}>
                {ago(s.config_reload_ms, s.now_ms, i18n.language)}
                {!s.config_reload_ok && <strong className={classes.down}>{t('status.reloadFailed')}</strong>}
              </span>,
            ],
            [
              t('status.tab.targets'),
              t('status.targetCounts', { up: s.targets.up, down: s.targets.down, unknown: s.targets.unknown }),
            ],
          ]}
        />
      </section>
      <section className={`panel ${classes.box}`}>
        <h2 className={classes.title}>{t('status.obstacles')}</h2>
        {!s.collect_stored && (
          <p className={classes.notice}>
            {t('status.notStored')} <code className="mono">collect: {'{}'}</code>
          </p>
        )}
        {s.obstacles.length === 0 ? (
          <p className="muted">{t('status.noObstacles')}</p>
        ) : (
          <ObstacleList obstacles={s.obstacles} />
        )}
      </section>
      <section className={`panel ${classes.box}`}>
        <h2 className={classes.title}>{t('status.ingestion')}</h2>
        <Facts
          rows={s.ingestion.map((c) => [
            <span className="mono">
              <Breakable text={c.name} />
            </span>,
            c.value.toLocaleString(i18n.language),
          ])}
        />
        {s.storage.rejected.some((r) => r.value > 0) && (
          <>
            <h3 className={classes.sub}>{t('status.rejected')}</h3>
            <Facts
              rows={s.storage.rejected
                .filter((r) => r.value > 0)
                .map((r) => [
                  <span className="mono">
                    <Breakable text={r.name} />
                  </span>,
                  r.value.toLocaleString(i18n.language),
                ])}
            />
          </>
        )}
      </section>
    </div>
  );
}

function Span({ from, to }: { from: number | null; to: number | null }) {
  const { t } = useTranslation();
  if (from === null || to === null) return t('status.nothingYet');
  return <span title={`${utcTime(from)} – ${utcTime(to)}`}>{`${localTime(from)} – ${localTime(to)}`}</span>;
}

function Storage({ status }: { status: Status }) {
  const { t, i18n } = useTranslation();
  const s = status.storage;
  return (
    <div className={classes.columns}>
      <section className={`panel ${classes.box}`}>
        <h2 className={classes.title}>{t('status.head')}</h2>
        <Facts
          rows={[
            [t('status.series'), s.head_series.toLocaleString(i18n.language)],
            [t('status.chunks'), s.head_chunks.toLocaleString(i18n.language)],
            [t('status.labelPairs'), s.label_pairs.toLocaleString(i18n.language)],
            [t('status.span'), <Span from={s.head_min_ms} to={s.head_max_ms} />],
            [t('status.appended'), format(s.appended, 'count')],
            [t('status.logBytes'), bytes(s.log_bytes)],
          ]}
        />
      </section>
      <section className={`panel ${classes.box}`}>
        <h2 className={classes.title}>{t('status.blocks')}</h2>
        <Facts
          rows={[
            [t('status.blockCount'), s.blocks.toLocaleString(i18n.language)],
            [t('status.samples'), format(s.block_samples, 'count')],
            [t('status.span'), <Span from={s.block_min_ms} to={s.block_max_ms} />],
            [t('status.blockBytes'), bytes(s.block_bytes)],
            [t('status.perSample'), s.block_samples > 0 ? `${format(s.block_bytes / s.block_samples, 'none')} B` : '–'],
            [t('status.eventsBytes'), bytes(s.events_bytes)],
            [t('status.retention'), s.retention_ms > 0 ? duration(s.retention_ms, i18n.language) : t('fact.noLimit')],
            [t('status.retentionBytes'), s.retention_bytes > 0 ? bytes(s.retention_bytes) : t('fact.noLimit')],
            ...s.series_retention.map((rule): [ReactNode, ReactNode] => [
              <span className="mono">{rule.selector}</span>,
              rule.retention_ms > 0 ? duration(rule.retention_ms, i18n.language) : t('fact.noLimit'),
            ]),
            ...s.tiers
              .filter((tier) => tier.bytes > 0)
              .map((tier): [ReactNode, ReactNode] => [
                t('status.tier', { span: duration(tier.resolution_ms, i18n.language) }),
                <>
                  {bytes(tier.bytes)} · <Span from={tier.min_ms} to={tier.max_ms} /> ·{' '}
                  {tier.retention_ms > 0 ? duration(tier.retention_ms, i18n.language) : t('fact.noLimit')}
                </>,
              ]),
            [t('status.dataDir'), <span className="mono">{s.data_dir}</span>],
            [t('status.free'), bytes(s.data_dir_free_bytes)],
          ]}
        />
      </section>
      <section className={`panel ${classes.box}`}>
        <h2 className={classes.title}>{t('status.byMetric')}</h2>
        <Facts
          rows={s.series_by_metric.map((m) => [
            <span className="mono">
              <Breakable text={m.name} />
            </span>,
            m.value.toLocaleString(i18n.language),
          ])}
        />
      </section>
    </div>
  );
}

function Config({ status: s }: { status: Status }) {
  const { t } = useTranslation();
  return (
    <section className={`panel ${classes.box}`}>
      <h2 className={classes.title}>{t('status.configuration')}</h2>
      <p className="muted">{t('status.secretsHidden')}</p>
      <pre className={classes.yaml}>{s.config_yaml.trim() === '' ? t('status.nothingConfigured') : s.config_yaml}</pre>
    </section>
  );
}

function Flags({ status: s }: { status: Status }) {
  const { t } = useTranslation();
  const flags = Object.entries(s.flags).sort(([a], [b]) => a.localeCompare(b));
  return (
    <section className={`panel ${classes.box}`}>
      <h2 className={classes.title}>{t('status.flags')}</h2>
      <Facts
        rows={flags.map(([k, v]) => [<span className="mono">--{k}</span>, <span className="mono">{v || '""'}</span>])}
      />
    </section>
  );
}

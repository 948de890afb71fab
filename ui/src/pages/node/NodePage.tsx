import { useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useNodes } from '../../api/hooks';
import type { Node } from '../../api/types';
import { useTitle } from '../../app/useTitle';
import { duration, localTime, utcTime } from '../../format/time';
import { bytes } from '../../format/units';
import { useRange } from '../../time/useRange';
import { ObstacleList } from '../../widgets/ObstacleList';
import { Filesystems } from './Filesystems';
import classes from './NodePage.module.css';
import { NodeChart } from './NodeChart';
import { NodeContainers } from './NodeContainers';
import { SECTIONS } from './panels';
import { Tiles } from './Tiles';

export function NodePage() {
  const { t } = useTranslation();
  const { name } = useParams({ strict: false });
  const nodes = useNodes();
  const node = nodes.data?.find((n) => n.name === name);
  useTitle(name ?? t('nav.nodes'));
  if (nodes.error && !nodes.data) return <div role="alert">{nodes.error.message || t('error.unreachable')}</div>;
  if (nodes.data && !node)
    return (
      <div className="panel" style={{ padding: 24 }}>
        {t('node.unknown', { name })}
      </div>
    );
  if (!node) return null;
  // With one node every host series is its own; with more, the instance tells them apart.
  const selector = (nodes.data?.length ?? 1) > 1 ? `instance=${JSON.stringify(node.name)}` : '';
  return <NodeView key={node.name} node={node} selector={selector} />;
}

function NodeView({ node, selector }: { node: Node; selector: string }) {
  const { t } = useTranslation();
  const range = useRange();
  return (
    <>
      <NodeHead node={node} />
      <ObstacleList obstacles={node.obstacles} />
      <Tiles selector={selector} node={node} />
      {SECTIONS.map((s) => (
        <section key={s.id} aria-label={t(`node.section.${s.id}`)}>
          <h2 className={classes.section}>{t(`node.section.${s.id}`)}</h2>
          <div className={classes.grid} data-count={s.panels.length}>
            {s.panels.map((p) => (
              <NodeChart key={p.id} panel={p} selector={selector} range={range} />
            ))}
          </div>
          {s.id === 'pressure' && <NodeContainers node={node} />}
          {s.id === 'disk' && <Filesystems selector={selector} />}
        </section>
      ))}
    </>
  );
}

function NodeHead({ node }: { node: Node }) {
  const { t, i18n } = useTranslation();
  const facts: [string, string, string?][] = [
    [t('node.os'), node.os],
    [t('node.kernel'), `${node.kernel} ${node.architecture}`],
    [t('node.cpu'), t('node.cpus', { count: node.cpus })],
    [t('node.memory'), bytes(node.memory_bytes)],
  ];
  if (node.boot_ms > 0)
    facts.push([
      t('node.uptime'),
      duration(Date.now() - node.boot_ms, i18n.language),
      `${localTime(node.boot_ms)} · ${utcTime(node.boot_ms)}`,
    ]);
  return (
    <header className={`panel ${classes.head}`}>
      <h1 className={classes.title}>{node.name}</h1>
      <dl className={classes.facts}>
        {facts.map(([k, v, hover]) => (
          <div key={k} title={hover}>
            <dt>{k}</dt>
            <dd>{v || '–'}</dd>
          </div>
        ))}
      </dl>
    </header>
  );
}

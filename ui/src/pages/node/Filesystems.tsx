import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useInstant } from '../../api/hooks';
import { parseValue, type VectorItem } from '../../api/prometheus';
import { bytes, percent } from '../../format/units';
import { Bar } from '../../widgets/Bar';
import { fill } from './panels';
import classes from './NodesPage.module.css';

export interface Filesystem {
  mount: string;
  device: string;
  type: string;
  size: number;
  avail: number;
  free: number;
  inodes: number | null;
  inodesFree: number | null;
}

const METRICS = ['size_bytes', 'avail_bytes', 'free_bytes', 'files', 'files_free'] as const;

/** One row a device: the same device mounted twice is the same space, and the shortest mount point names it. */
export function filesystems(items: readonly VectorItem[]): Filesystem[] {
  const found = new Map<string, Partial<Record<string, number>> & { labels: Record<string, string> }>();
  for (const { metric, value } of items) {
    if (!value) continue;
    const key = `${metric.device}\n${metric.mountpoint}`;
    const entry = found.get(key) ?? { labels: metric };
    (entry as Record<string, unknown>)[(metric.__name__ ?? '').replace('node_filesystem_', '')] = parseValue(value[1]);
    found.set(key, entry as typeof entry & Record<string, number>);
  }
  const best = new Map<string, Filesystem>();
  for (const e of found.values()) {
    const size = e.size_bytes ?? 0;
    if (size <= 0) continue;
    const fs: Filesystem = {
      mount: e.labels.mountpoint ?? '',
      device: e.labels.device ?? '',
      type: e.labels.fstype ?? '',
      size,
      avail: e.avail_bytes ?? 0,
      free: e.free_bytes ?? 0,
      inodes: e.files || null,
      inodesFree: e.files_free ?? null,
    };
    const key = fs.device.startsWith('/') ? fs.device : `${fs.device}${fs.mount}`;
    const before = best.get(key);
    if (!before || fs.mount.length < before.mount.length) best.set(key, fs);
  }
  return [...best.values()].sort((a, b) => used(b) - used(a));
}

/** What is used of what a user may use, as df counts. */
export function used(fs: Pick<Filesystem, 'size' | 'avail' | 'free'>): number {
  const taken = fs.size - fs.free;
  return taken + fs.avail > 0 ? taken / (taken + fs.avail) : 0;
}

export function Filesystems({ selector }: { selector: string }) {
  const { t } = useTranslation();
  const names = METRICS.map((m) => `node_filesystem_${m}`).join('|');
  const query = `{__name__=~"${names}",fstype!~"tmpfs|ramfs|overlay|squashfs|nsfs"${selector === '' ? '' : `,${selector}`}}`;
  const { data } = useInstant(fill(query, selector, ''), 30_000);
  const list = useMemo(() => filesystems(data ?? []), [data]);
  if (list.length === 0) return null;
  return (
    <div className="panel" style={{ marginTop: 8, overflowX: 'auto' }} title={query}>
      <table className={classes.table} aria-label={t('node.fs.title')}>
        <thead>
          <tr>
            <th>{t('node.fs.mount')}</th>
            <th>{t('node.fs.device')}</th>
            <th>{t('node.fs.type')}</th>
            <th style={{ width: '28%' }}>{t('node.fs.used')}</th>
            <th className="num">{t('node.fs.avail')}</th>
            <th className="num">{t('node.fs.size')}</th>
            <th className="num">{t('node.fs.inodes')}</th>
          </tr>
        </thead>
        <tbody>
          {list.map((fs) => (
            <tr key={fs.device + fs.mount}>
              <td className="mono">{fs.mount}</td>
              <td className="mono muted">{fs.device}</td>
              <td className="muted">{fs.type}</td>
              <td>
                <Bar share={used(fs)} text={percent(used(fs))} title={bytes(fs.size - fs.free)} hotAt={0.9} />
              </td>
              <td className="num">{bytes(fs.avail)}</td>
              <td className="num">{bytes(fs.size)}</td>
              <td className="num muted">
                {fs.inodes !== null && fs.inodesFree !== null ? percent(1 - fs.inodesFree / fs.inodes) : '–'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

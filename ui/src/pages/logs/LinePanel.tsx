import { Button, CloseButton, SegmentedControl, useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import type { LabelSet } from '../../api/prometheus';
import { localTime, utcTime } from '../../format/time';
import { copyText } from '../../widgets/copy';
import { Around } from './Around';
import { nsOfId, plusNs, type Entry } from './entries';
import { readPage } from './paging';
import classes from './LinePanel.module.css';
import { levelInk } from './levels';
import { Hits } from './Rows';
import type { Needle } from './text';
import { preciseTime } from './time';
import { Then } from './Then';

export const SIDES = ['fields', 'context', 'metrics'] as const;
export type Side = (typeof SIDES)[number];

interface Props {
  id: string;
  /** The line, where it is among those that are loaded. */
  entry: Entry | undefined;
  logql: string;
  side: Side;
  /** As high as the lines beside it. */
  height: string;
  needles: readonly Needle[];
  onSide: (side: Side) => void;
  onStep: (by: 1 | -1) => void;
  onField: (name: string, value: string, not: boolean) => void;
  onText: (text: string) => void;
  onClose: () => void;
}

/** A line that is not loaded is asked for by its time. */
function useEntry(id: string, loaded: Entry | undefined, logql: string) {
  const ns = nsOfId(id);
  return useQuery({
    queryKey: ['log-line', id, logql],
    queryFn: async ({ signal }) => {
      const at = ns ?? '0';
      const page = await readPage(logql, { start: at, end: plusNs(at, 1) }, 'newest', 1000, signal);
      return page.entries.find((e) => e.id === id) ?? null;
    },
    enabled: loaded === undefined && ns !== null,
    staleTime: Infinity,
    retry: false,
  });
}

/** One line: its fields, what was written around it, and what its container used at that second. */
export function LinePanel(p: Props) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const asked = useEntry(p.id, p.entry, p.logql);
  const entry = p.entry ?? asked.data ?? undefined;
  return (
    <aside className={`panel ${classes.side}`} style={{ height: p.height }} aria-label={t('logs.panel.title')}>
      <header className={classes.head}>
        {entry && (
          <>
            <strong style={{ color: levelInk(entry.level, scheme) }}>{t(`logs.level.${entry.level}`)}</strong>
            <time title={utcTime(entry.ms)} className="mono">
              {localTime(entry.ms).slice(0, 10)} {preciseTime(entry.ms, false)}
            </time>
          </>
        )}
        <span className={classes.tools}>
          <Button
            size="compact-xs"
            variant="default"
            onClick={() => p.onStep(-1)}
            aria-label={t('logs.panel.previous')}
          >
            ↑
          </Button>
          <Button size="compact-xs" variant="default" onClick={() => p.onStep(1)} aria-label={t('logs.panel.next')}>
            ↓
          </Button>
          <CloseButton size="sm" onClick={p.onClose} aria-label={t('action.close')} />
        </span>
      </header>
      {!entry && (asked.isFetched || nsOfId(p.id) === null) && (
        <p className="muted">{asked.error?.message || t('logs.panel.missing')}</p>
      )}
      {entry && (
        <>
          <pre className={classes.line} aria-label={t('logs.panel.line')}>
            <Hits text={entry.line} needles={p.needles} />
          </pre>
          <div className={classes.actions}>
            <Button size="compact-xs" variant="default" onClick={() => void copyText(entry.line)}>
              {t('logs.panel.copyLine')}
            </Button>
            <Button size="compact-xs" variant="default" onClick={() => void copyText(window.location.href)}>
              {t('logs.panel.copyLink')}
            </Button>
          </div>
          <SegmentedControl
            fullWidth
            size="xs"
            value={p.side}
            onChange={(v) => p.onSide(SIDES.find((s) => s === v) ?? 'fields')}
            data={SIDES.map((s) => ({ value: s, label: t(`logs.panel.${s}`) }))}
            aria-label={t('logs.panel.title')}
            mb={8}
          />
          {p.side === 'fields' && <FieldLists entry={entry} onField={p.onField} />}
          {p.side === 'context' && <Around entry={entry} onText={p.onText} />}
          {p.side === 'metrics' && <Then entry={entry} />}
        </>
      )}
    </aside>
  );
}

function FieldLists({ entry, onField }: { entry: Entry; onField: Props['onField'] }) {
  const { t } = useTranslation();
  const lists = [
    ['detected', entry.detected],
    ['metadata', entry.metadata],
    ['parsed', entry.parsed],
    ['stream', entry.stream],
  ] as const;
  const all = lists.filter(([, fields]) => Object.keys(fields).length > 0);
  if (all.length === 0) return <p className="muted">{t('logs.panel.noFields')}</p>;
  return all.map(([key, fields]) => (
    <section key={key}>
      <h3 className={classes.sub}>{t(`logs.panel.${key}`)}</h3>
      <FieldTable fields={fields} onField={onField} />
    </section>
  ));
}

function FieldTable({ fields, onField }: { fields: LabelSet; onField: Props['onField'] }) {
  const { t } = useTranslation();
  return (
    <table className={classes.fields}>
      <tbody>
        {Object.entries(fields)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className="mono">{value}</td>
              <td className={classes.filters}>
                <button
                  type="button"
                  title={t('logs.facet.only', { name, value })}
                  aria-label={t('logs.facet.only', { name, value })}
                  onClick={() => onField(name, value, false)}
                >
                  +
                </button>
                <button
                  type="button"
                  title={t('logs.facet.not', { name, value })}
                  aria-label={t('logs.facet.not', { name, value })}
                  onClick={() => onField(name, value, true)}
                >
                  −
                </button>
              </td>
            </tr>
          ))}
      </tbody>
    </table>
  );
}

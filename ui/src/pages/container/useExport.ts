import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { swathStep, type Swath } from '../../api/hooks';
import { queryRange } from '../../api/prometheus';
import type { ContainerEvent, ContainerRow, LivePoint } from '../../api/types';
import { stats } from '../../chart/points';
import { localTime } from '../../format/time';
import { bytes, format, type Unit } from '../../format/units';
import { onGrid } from '../../time/range';
import { useRange } from '../../time/useRange';
import { verdictText } from '../../verdict/words';
import { saveFile } from '../../widgets/save';
import { usePaint } from './Charts';
import { exportHtml, type ExportChart } from './exportHtml';
import { buildLines } from './lines';
import { eventText } from './marks';
import { queriesOf, selector, type ChartId } from './queries';

const CHARTS: [ChartId, Unit][] = [
  ['cpu', 'cores'],
  ['memory', 'bytes'],
  ['throttled', 'ratio'],
  ['pressure', 'ratio'],
  ['network', 'bytesPerSecond'],
  ['io', 'bytesPerSecond'],
  ['pids', 'count'],
];

/** Saves what the page shows as one HTML file. */
export function useExport(row: ContainerRow, ring: readonly LivePoint[], events: readonly ContainerEvent[]) {
  const { t, i18n } = useTranslation();
  const range = useRange();
  const paint = usePaint();
  const [busy, setBusy] = useState(false);
  const { facts } = row;

  const chart = async (id: ChartId, unit: Unit): Promise<ExportChart> => {
    const now = range.now();
    const step = swathStep(now, 10_000);
    const ask = { ...onGrid(now, step), step };
    const answers = await Promise.all(
      queriesOf(id, selector(facts), step, 10_000).map((q) => queryRange(q, ask).catch(() => null)),
    );
    const swath: Swath = {
      start: now.start,
      end: now.end,
      step,
      tookMs: 0,
      warnings: [],
      results: answers.map((a) => (a?.data.resultType === 'matrix' ? a.data.result : [])),
    };
    const limits = { cpu: facts.cpu_limit ?? 0, memory: facts.memory_limit, pids: facts.pids_limit };
    const lines = buildLines(id, swath, ring, limits, now.start, now.end, paint).map((l) => {
      const s = stats(l.points.v);
      return {
        label: l.label,
        points: l.points,
        dashed: l.limit ?? false,
        last: `${t('chart.last')} ${format(s.last, unit)}`,
        max: `${t('chart.max')} ${format(s.max, unit)}`,
      };
    });
    return { title: t(`container.chart.${id}`), unit: t(`unit.${unit}`), lines };
  };

  const save = async () => {
    setBusy(true);
    try {
      const charts = await Promise.all(CHARTS.map(([id, unit]) => chart(id, unit)));
      const now = Date.now();
      const html = exportHtml({
        language: i18n.language,
        title: facts.name,
        made: t('container.exported', { time: localTime(now), node: facts.node }),
        verdicts: row.verdicts.map((v) => verdictText(v, t, i18n.language, now)),
        facts: [
          [t('fact.image'), facts.image],
          [t('fact.digest'), facts.image_digest],
          [t('fact.id'), facts.id],
          [t('fact.state'), t(`state.${facts.state}`)],
          ...(facts.started_ms > 0 ? [[t('fact.started'), localTime(facts.started_ms)] as [string, string]] : []),
          ...(facts.finished_ms > 0 ? [[t('fact.ended'), localTime(facts.finished_ms)] as [string, string]] : []),
          ...(facts.exit_code !== null ? [[t('fact.exit'), String(facts.exit_code)] as [string, string]] : []),
          [t('fact.restarts'), String(facts.restart_count)],
          [t('fact.memoryLimit'), facts.memory_limit > 0 ? bytes(facts.memory_limit) : t('fact.noLimit')],
          [t('fact.cpuLimit'), (facts.cpu_limit ?? 0) > 0 ? format(facts.cpu_limit, 'cores') : t('fact.noLimit')],
        ],
        charts: charts.filter((c) => c.lines.some((l) => l.points.t.length > 0)),
        eventsTitle: t('container.events'),
        events: events.map((e) => [localTime(e.t), eventText(e, t)]),
      });
      const name = `${facts.name.replace(/[^\w.-]+/g, '_')}-${localTime(now).replace(/[: ]/g, '-')}.html`;
      saveFile(name, html, 'text/html');
    } finally {
      setBusy(false);
    }
  };
  return { busy, save: () => void save() };
}

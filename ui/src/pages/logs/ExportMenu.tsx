import { Button, Menu } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { nanos } from '../../api/loki';
import { localTime } from '../../format/time';
import type { PageRange } from '../../time/useRange';
import { saveFile } from '../../widgets/save';
import type { Entry, Order } from './entries';
import { joined } from './entries';
import { asText, FORMATS, type Format } from './exportLines';
import { readPage, type Window } from './paging';

/** The most that a browser is asked to hold. */
const MOST = 50_000;
const PAGE = 2000;
const KINDS: Record<Format, string> = { txt: 'text/plain', json: 'application/x-ndjson', csv: 'text/csv' };

interface Props {
  logql: string;
  order: Order;
  range: PageRange;
  disabled: boolean;
}

/** Saves what the query finds in the range: all of it, not only what is on the page. */
export function ExportMenu({ logql, order, range, disabled }: Props) {
  const { t } = useTranslation();
  const [state, setState] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const save = async (format: Format) => {
    setBusy(true);
    try {
      const now = range.now();
      let next: Window | null = { start: nanos(now.start), end: nanos(now.end) };
      let all: Entry[] = [];
      while (next !== null && all.length < MOST) {
        const page = await readPage(logql, next, order, PAGE);
        all = joined(all, page.entries);
        next = page.next;
        setState(t('logs.export.working', { count: all.length }));
      }
      const name = `logs-${localTime(now.end).replace(/[: ]/g, '-')}.${format === 'json' ? 'jsonl' : format}`;
      saveFile(name, asText(all, format), KINDS[format]);
      setState(next === null ? null : t('logs.export.limited', { count: all.length }));
    } catch (e) {
      setState(t('logs.export.failed', { error: e instanceof Error ? e.message : '' }));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {state !== null && (
        <span className="muted" role="status">
          {state}
        </span>
      )}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button size="compact-sm" variant="default" loading={busy} disabled={disabled}>
            {t('logs.export.menu')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {FORMATS.map((f) => (
            <Menu.Item key={f} onClick={() => void save(f)}>
              {t(`logs.export.${f}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

import { Modal, TextInput, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useLive } from '../api/hooks';
import { get } from '../api/prometheus';
import { setLanguage } from '../i18n';
import { rank, type Entry } from './palette';
import classes from './Palette.module.css';

/** Go to any container, page or metric, or do something, without the mouse. */
export function Palette({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Modal opened={opened} onClose={onClose} withCloseButton={false} yOffset="12vh" size={560} padding="sm">
      {opened && <PaletteBody onClose={onClose} />}
    </Modal>
  );
}

function useEntries(onClose: () => void): Entry[] {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const { rows } = useLive();
  const { setColorScheme } = useMantineColorScheme();
  const metrics = useQuery({
    queryKey: ['metric-names'],
    queryFn: ({ signal }) => get<string[]>('/api/v1/label/__name__/values', signal),
    staleTime: 60_000,
  });
  const ids = [...rows.keys()].join();
  return useMemo(() => {
    const done = (f: () => void) => () => {
      onClose();
      f();
    };
    const containers = [...rows.values()]
      .sort((a, b) => Number(a.facts.removed_ms > 0) - Number(b.facts.removed_ms > 0))
      .map((r): Entry => ({
        id: `c:${r.facts.id}`,
        kind: 'container',
        label: r.facts.name,
        hint: r.facts.image,
        run: done(() => void navigate({ to: '/containers/$id', params: { id: r.facts.id.slice(0, 64) } })),
      }));
    const pages = (
      [
        ['/', 'containers'],
        ['/logs', 'logs'],
        ['/nodes', 'nodes'],
        ['/explore', 'explore'],
        ['/alerts', 'alerts'],
        ['/rules', 'rules'],
        ['/cardinality', 'cardinality'],
        ['/status', 'status'],
      ] as const
    ).map(([to, key]): Entry => ({
      id: `p:${key}`,
      kind: 'page',
      label: t(`nav.${key}`),
      run: done(() => void navigate({ to })),
    }));
    const actions: Entry[] = [
      { id: 'a:dark', kind: 'action', label: t('palette.dark'), run: done(() => setColorScheme('dark')) },
      { id: 'a:light', kind: 'action', label: t('palette.light'), run: done(() => setColorScheme('light')) },
      { id: 'a:en', kind: 'action', label: t('language.en'), run: done(() => void setLanguage('en')) },
      { id: 'a:ko', kind: 'action', label: t('language.ko'), run: done(() => void setLanguage('ko')) },
    ];
    const names = (metrics.data ?? []).map((name): Entry => ({
      id: `m:${name}`,
      kind: 'metric',
      label: name,
      run: done(() => void navigate({ to: '/explore', search: { q: name, view: 'graph' } })),
    }));
    return [...containers, ...pages, ...actions, ...names];
    // A new second of a row changes nothing here: only which containers there are does.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [ids, metrics.data, t, navigate, onClose, setColorScheme]);
}

function PaletteBody({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const entries = useEntries(onClose);
  const navigate = useNavigate();
  const found = useMemo(() => {
    const q = text.trim();
    const inLogs: Entry = {
      id: 'a:logs',
      kind: 'action',
      label: t('palette.inLogs', { text: q }),
      run: () => {
        onClose();
        void navigate({ to: '/logs', search: { q } });
      },
    };
    return q === '' ? rank(entries, q, 40) : [...rank(entries, q, 39), inLogs];
  }, [entries, text, t, navigate, onClose]);
  const current = Math.min(at, Math.max(0, found.length - 1));
  const onKey = (e: React.KeyboardEvent) => {
    if (e.key === 'ArrowDown') setAt(Math.min(current + 1, found.length - 1));
    else if (e.key === 'ArrowUp') setAt(Math.max(current - 1, 0));
    else if (e.key === 'Enter') found[current]?.run();
    else return;
    e.preventDefault();
  };
  return (
    <>
      <TextInput
        data-autofocus
        role="combobox"
        aria-expanded
        aria-controls="palette-list"
        aria-activedescendant={found[current] ? `palette-${current}` : undefined}
        aria-label={t('palette.open')}
        placeholder={t('palette.placeholder')}
        value={text}
        onChange={(e) => {
          setText(e.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <ul className={classes.list} id="palette-list" role="listbox" aria-label={t('palette.open')}>
        {found.map((e, i) => (
          <li
            key={e.id}
            id={`palette-${i}`}
            role="option"
            aria-selected={i === current}
            className={classes.item}
            onMouseMove={() => setAt(i)}
            onClick={e.run}
            ref={i === current ? (el) => el?.scrollIntoView({ block: 'nearest' }) : undefined}
          >
            <span className={classes.kind}>{t(`palette.kind.${e.kind}`)}</span>
            <span className={e.kind === 'metric' ? 'mono cut' : 'cut'}>{e.label}</span>
            {e.hint && <span className={`${classes.hint} cut`}>{e.hint}</span>}
          </li>
        ))}
        {found.length === 0 && <li className={`${classes.item} muted`}>{t('palette.none')}</li>}
      </ul>
    </>
  );
}

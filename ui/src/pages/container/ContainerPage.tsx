import { Skeleton } from '@mantine/core';
import { useParams } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { useContainer, useLive } from '../../api/hooks';
import type { ContainerRow } from '../../api/types';
import { useTitle } from '../../app/useTitle';
import { NotThere } from './NotThere';
import { ContainerView } from './ContainerView';

/** The live row where the stream has it; the answer for this id otherwise. */
function findRow(rows: ReadonlyMap<string, ContainerRow>, id: string): ContainerRow | undefined {
  const exact = rows.get(id);
  if (exact) return exact;
  const byName = [...rows.values()].filter(
    (r) => r.facts.name === id || (id.length >= 12 && r.facts.id.startsWith(id)),
  );
  return byName.length === 1 ? byName[0] : undefined;
}

export function ContainerPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false });
  const wanted = id ?? '';
  const live = useLive();
  const asked = useContainer(wanted);
  const row = findRow(live.rows, wanted) ?? asked.data;
  useTitle(row?.facts.name ?? t('container.title'));
  if (row) return <ContainerView key={row.facts.id} row={row} nowMs={live.nowMs || Date.now()} />;
  if (asked.error) return <NotThere id={wanted} message={asked.error.message} />;
  return (
    <div aria-busy="true">
      <Skeleton height={96} mb={8} animate={false} />
      <Skeleton height={220} mb={8} animate={false} />
      <Skeleton height={220} animate={false} />
    </div>
  );
}

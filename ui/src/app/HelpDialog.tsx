import { Kbd, Modal, Table } from '@mantine/core';
import { useTranslation } from 'react-i18next';

const KEYS = [
  ['/', 'palette'],
  ['Ctrl K', 'palette'],
  ['g c', 'containers'],
  ['g l', 'logs'],
  ['g n', 'nodes'],
  ['g e', 'explore'],
  ['g a', 'alerts'],
  ['g r', 'rules'],
  ['g d', 'cardinality'],
  ['g s', 'status'],
  ['t', 'time'],
  ['j  k', 'move'],
  ['Enter', 'open'],
  ['Esc', 'close'],
  ['f', 'filter'],
  ['?', 'help'],
] as const;

export function HelpDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened={opened} onClose={onClose} title={t('help.title')} size="sm">
      <Table withRowBorders={false} verticalSpacing={3}>
        <Table.Tbody>
          {KEYS.map(([key, what]) => (
            <Table.Tr key={key}>
              <Table.Td w={90}>
                <Kbd>{key}</Kbd>
              </Table.Td>
              <Table.Td>{t(`help.${what}`)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      <p className="muted">{t('help.charts')}</p>
    </Modal>
  );
}

import { memo } from 'react';
import { sparkPath } from '../chart/spark';

interface Props {
  values: readonly (number | null)[];
  /** The height of the picture is this value or the largest one. */
  top?: number;
  width?: number;
  height?: number;
}

/** A tiny line without axes; the number beside it says how much. */
export const Sparkline = memo(function Sparkline({ values, top = 0, width = 84, height = 20 }: Props) {
  const { line, area } = sparkPath(values, width, height, top);
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} aria-hidden="true" focusable="false">
      <path d={area} fill="var(--bw-bar)" opacity="0.18" />
      <path d={line} fill="none" stroke="var(--bw-bar)" strokeWidth="1.2" strokeLinejoin="round" />
    </svg>
  );
});

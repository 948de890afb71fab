import { TextInput, type TextInputProps } from '@mantine/core';
import { useEffect, useRef, useState, type Ref } from 'react';

/** The filter of a page, kept in its URL. */
export function FilterBox(
  props: {
    box: Ref<HTMLInputElement>;
    filter: string | undefined;
    onFilter: (filter: string | undefined) => void;
    label: string;
  } & Pick<TextInputProps, 'className' | 'w' | 'onKeyDown'>,
) {
  const { box, filter = '', onFilter, label, ...rest } = props;
  // The URL follows a moment after a key. What it says meanwhile is older than what was typed and does not come back.
  const [typed, setTyped] = useState(filter);
  const underway = useRef<string[]>([]);
  useEffect(() => {
    const at = underway.current.indexOf(filter);
    underway.current = at < 0 ? [] : underway.current.slice(at + 1);
    if (at < 0) setTyped(filter);
  }, [filter]);
  return (
    <TextInput
      {...rest}
      size="xs"
      ref={box}
      value={typed}
      placeholder={label}
      aria-label={label}
      onChange={(e) => {
        const text = e.currentTarget.value;
        underway.current.push(text);
        setTyped(text);
        onFilter(text || undefined);
      }}
    />
  );
}

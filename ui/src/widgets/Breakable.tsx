import { Fragment } from 'react';

/** A long name that may go on in the next line behind `_`, `/` and the like, and not in the middle of a word. */
export function Breakable({ text }: { text: string }) {
  return text.split(/(?<=[_:/.=,{])/).map((part, n) => (
    <Fragment key={n}>
      {n > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}

import classes from './Bar.module.css';

interface Props {
  /** 0..1 of the limit; `null` where there is no limit (then there is no percentage either). */
  share: number | null;
  text: string;
  title: string;
  /** From which share on it burns. */
  hotAt?: number;
  /** What stands in the place of the bar where there is no limit. */
  none?: string;
  /** Width of the text, px, so that bars in a column are equally long. */
  textWidth?: number;
}

/** A share of a limit with its number; burns when it comes near. */
export function Bar({ share, text, title, hotAt = 0.85, none = '', textWidth = 76 }: Props) {
  const hot = share !== null && share >= hotAt;
  return (
    <span className={classes.wrap} title={title} style={{ gridTemplateColumns: `minmax(28px, 1fr) ${textWidth}px` }}>
      {share === null ? (
        <span className={classes.none}>{none}</span>
      ) : (
        <span className={classes.track} aria-hidden="true">
          <span
            className={hot ? `${classes.fill} ${classes.hot}` : classes.fill}
            style={{ display: 'block', transform: `scaleX(${Math.min(1, Math.max(0, share))})` }}
          />
        </span>
      )}
      <span className={hot ? classes.textHot : classes.text}>{text}</span>
    </span>
  );
}

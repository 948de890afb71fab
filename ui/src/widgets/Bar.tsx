import classes from './Bar.module.css';

interface Props {
  /** 0..1 of the limit; `null` where there is no limit (then there is no percentage either). */
  share: number | null;
  text: string;
  title: string;
  /** From which share on it burns. */
  hotAt?: number;
}

/** A share of a limit with its number; burns when it comes near. */
export function Bar({ share, text, title, hotAt = 0.85 }: Props) {
  const hot = share !== null && share >= hotAt;
  return (
    <span className={classes.wrap} title={title}>
      <span className={share === null ? `${classes.track} ${classes.none}` : classes.track} aria-hidden="true">
        {share !== null && (
          <span
            className={hot ? `${classes.fill} ${classes.hot}` : classes.fill}
            style={{ display: 'block', transform: `scaleX(${Math.min(1, Math.max(0, share))})` }}
          />
        )}
      </span>
      <span className={hot ? classes.textHot : classes.text}>{text}</span>
    </span>
  );
}

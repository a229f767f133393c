import type { ReactNode } from 'react'
import classes from './bar.module.css'

type Spread = { median: number; min: number; max: number }

const at = (part: number, whole: number) => `${(100 * part) / whole}%`

type SpeedProps = { value: Spread; most: number; series: string; children: ReactNode }

/** A measured quantity on an axis from 0 to `most`, with the reach of its rounds; the number itself beside it. */
export function SpeedBar({ value, most, series, children }: SpeedProps) {
  return (
    <div className={classes.cell}>
      <div className={classes.plot} aria-hidden="true">
        <div className={classes.bar} data-series={series} style={{ width: at(value.median, most) }} />
        <div
          className={classes.whisker}
          style={{ left: at(value.min, most), width: at(value.max - value.min, most) }}
        />
      </div>
      <div className={classes.value}>{children}</div>
    </div>
  )
}

/** A share of a limit, with the limit as a line; what lies beyond it is hatched. */
export function LimitBar({ share, most, children }: { share: number; most: number; children: ReactNode }) {
  return (
    <div className={classes.cell}>
      <div className={classes.plot} aria-hidden="true">
        <div className={classes.bar} data-series="share" style={{ width: at(Math.min(1, share), most) }} />
        {share > 1 && (
          <div className={classes.bar} data-series="beyond" style={{ left: at(1, most), width: at(share - 1, most) }} />
        )}
        <div className={classes.limit} style={{ left: at(1, most) }} />
      </div>
      <div className={classes.value}>{children}</div>
    </div>
  )
}

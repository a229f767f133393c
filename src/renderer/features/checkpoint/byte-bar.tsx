import { share, size } from '../../ui/units.ts'
import type { Part } from './parts.ts'
import classes from './byte-bar.module.css'

/** One bar for all bytes, and each part with its name, size and share. */
export function ByteBar({ parts, totalBytes }: { parts: Part[]; totalBytes: number }) {
  return (
    <div>
      <div className={classes.bar} aria-hidden="true">
        {parts.map(({ name, sizeBytes }, index) => (
          <div key={name} style={{ flexGrow: sizeBytes, background: `var(--part-${index + 1})` }} />
        ))}
      </div>
      <ul className={classes.parts}>
        {parts.map(({ name, sizeBytes }, index) => (
          <li key={name}>
            <span className={classes.key} style={{ background: `var(--part-${index + 1})` }} />
            <span>{name}</span>
            <span className={classes.size}>{size(sizeBytes)}</span>
            <span className={classes.share}>{share(sizeBytes / Math.max(1, totalBytes))}</span>
          </li>
        ))}
      </ul>
    </div>
  )
}

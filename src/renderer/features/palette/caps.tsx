import { keyCaps, type Keys } from './keys.ts'
import classes from './caps.module.css'

const mac = /Mac/.test(navigator.userAgent)

/** Keys as they stand on the keyboard. */
export function Caps({ keys }: { keys: Keys }) {
  return (
    <span className={classes.caps}>
      {keyCaps(keys, mac).map((cap) => (
        <kbd key={cap} className={classes.cap}>
          {cap}
        </kbd>
      ))}
    </span>
  )
}

import type { Action } from './actions.ts'
import { Caps } from './caps.tsx'
import classes from './shortcuts.module.css'

/** The commands that have keys, where they work now. */
export function Shortcuts({ actions }: { actions: Action[] }) {
  return (
    <dl className={classes.list}>
      {actions.map(
        ({ id, name, keys }) =>
          keys && (
            <div key={id} className={classes.line}>
              <dt>{name}</dt>
              <dd>
                <Caps keys={keys} />
              </dd>
            </div>
          ),
      )}
    </dl>
  )
}

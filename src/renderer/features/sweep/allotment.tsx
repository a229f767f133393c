import type { ErrorTable } from '../../../shared/sweep/error-table.ts'
import type { Choice } from '../../../shared/sweep/plan.ts'
import { percent } from '../../ui/units.ts'
import { widthColor } from './width-color.ts'
import classes from './allotment.module.css'

/** What each matrix gets, layers down and kinds across. */
export function Allotment({ table, choices }: { table: ErrorTable; choices: readonly Choice[] }) {
  const roles = [...new Set(table.matrices.map(({ role }) => role))]
  const layers = [...new Set(table.matrices.map(({ layer }) => layer))]
  const choiceAt = (layer: number, role: string) =>
    choices[table.matrices.findIndex((matrix) => matrix.layer === layer && matrix.role === role)]
  return (
    <div className={classes.scroll}>
      <table className={classes.table}>
        <caption className={classes.caption}>Bits for each matrix; small: share kept exactly</caption>
        <thead>
          <tr>
            <th scope="col">Layer</th>
            {roles.map((role) => (
              <th key={role} scope="col">
                {role}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {layers.map((layer) => (
            <tr key={layer}>
              <th scope="row">{layer}</th>
              {roles.map((role) => (
                <Cell key={role} choice={choiceAt(layer, role)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function Cell({ choice }: { choice: Choice | undefined }) {
  if (!choice) return <td />
  return (
    <td style={{ borderBottomColor: widthColor(choice.bits) }}>
      {choice.bits}
      {choice.sparsity > 0 && <small> {percent(choice.sparsity)}</small>}
    </td>
  )
}

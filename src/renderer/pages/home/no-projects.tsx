import { Command } from '../../ui/command.tsx'
import { Mark } from '../../ui/icons.tsx'
import { OpenCheckpoint } from './open-checkpoint.tsx'
import classes from './no-projects.module.css'

/** What a person types to begin. */
export const SQUEEZE_LINE = 'squeeze run path/to/checkpoint'

/** The first thing that a person sees: what this is for, and the one line that begins it. */
export function NoProjects() {
  return (
    <div className={classes.empty}>
      <Mark size={44} />
      <h3 className={classes.title}>Squeeze a first checkpoint</h3>
      <p className={classes.text}>
        Open a folder with a Hugging Face checkpoint, or point the command line at it: it calibrates, squeezes and
        measures, and the project shows up here while it works. The checkpoint itself is only read.
      </p>
      <OpenCheckpoint />
      <Command line={SQUEEZE_LINE} />
    </div>
  )
}

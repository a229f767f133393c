import { SampleButton } from '../../features/opening/sample-button.tsx'
import { Command } from '../../ui/command.tsx'
import { Mark } from '../../ui/icons.tsx'
import { OpenCheckpoint } from './open-checkpoint.tsx'
import classes from './no-projects.module.css'

/** What a person types to begin. */
export const SQUEEZE_LINE = 'squeeze run path/to/checkpoint'

/** The first thing that a person sees: what this is for, and the one line that begins it. */
export function NoProjects({ offersSample }: { offersSample: boolean }) {
  return (
    <div className={classes.empty}>
      <Mark size={44} />
      <h3 className={classes.title}>Squeeze a first checkpoint</h3>
      <p className={classes.text}>
        Find a Hugging Face checkpoint in your folders, drop it anywhere on this window, or point the command line at
        it. The checkpoint itself is only read.
      </p>
      <OpenCheckpoint />
      {offersSample && <SampleButton />}
      <Command line={SQUEEZE_LINE} />
    </div>
  )
}

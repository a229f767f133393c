import { Command } from '../../ui/command.tsx'
import { Mark } from '../../ui/icons.tsx'
import classes from './no-projects.module.css'

/** The first thing that a person sees: what this is for, and the one line that begins it. */
export function NoProjects() {
  return (
    <div className={classes.empty}>
      <Mark size={44} />
      <h3 className={classes.title}>Squeeze a first checkpoint</h3>
      <p className={classes.text}>
        Point the command line at a folder with a Hugging Face checkpoint. It calibrates, squeezes and measures; the
        project shows up here while it works. The checkpoint itself is only read.
      </p>
      <Command line="squeeze run path/to/checkpoint" />
    </div>
  )
}

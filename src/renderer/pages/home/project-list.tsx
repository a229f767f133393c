import type { ProjectSummary } from '../../../shared/contract/studio/index.ts'
import { projectAddress } from '../../route.ts'
import { ago, count, momentWords, ratio, size } from '../../ui/units.ts'
import classes from './project-list.module.css'

/** A line a project, the one changed last first. The bars of all lines have one scale: bytes of the checkpoint. */
export function ProjectList({ projects, nowMs }: { projects: ProjectSummary[]; nowMs: number }) {
  return (
    <ul className={classes.list}>
      {projects.map((project) => (
        <li key={project.id}>
          <ProjectLine project={project} nowMs={nowMs} />
        </li>
      ))}
    </ul>
  )
}

function ProjectLine({ project, nowMs }: { project: ProjectSummary; nowMs: number }) {
  return (
    <a className={classes.line} href={projectAddress(project.id)}>
      <div className={classes.who}>
        <div className={classes.name}>{project.name}</div>
        <div className={classes.quiet}>
          {project.family}, {count(project.parameters)} parameters, {project.dtype}
        </div>
        <div className={classes.quiet} title={project.path}>
          {!project.found && <span className={classes.gone}>not found: </span>}
          {project.path}
        </div>
      </div>
      <Squeezed project={project} />
      <div className={classes.made}>
        {project.results} {project.results === 1 ? 'result' : 'results'}
        <div className={classes.quiet}>
          <time dateTime={new Date(project.changedAtMs).toISOString()} title={momentWords(project.changedAtMs)}>
            {ago(project.changedAtMs, nowMs)}
          </time>
        </div>
      </div>
    </a>
  )
}

/** The checkpoint as a track, the smallest result as what is left of it. */
function Squeezed({ project: { sizeBytes, smallest } }: { project: ProjectSummary }) {
  return (
    <div className={classes.squeezed}>
      <div className={classes.sizes}>
        <span>
          {size(sizeBytes)}
          {smallest && ` → ${size(smallest.sizeBytes)}`}
        </span>
        <span className="unit">
          {smallest ? `${ratio(sizeBytes / smallest.sizeBytes)} smaller` : 'not squeezed yet'}
        </span>
      </div>
      <div className={classes.track} aria-hidden="true">
        {smallest && <div style={{ width: `${(100 * smallest.sizeBytes) / sizeBytes}%` }} />}
      </div>
    </div>
  )
}

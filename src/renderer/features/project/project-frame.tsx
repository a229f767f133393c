import { Skeleton } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useEffect, type ReactNode } from 'react'
import { PROJECT_SECTIONS, type ProjectSection } from '../../../shared/contract/studio/place.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { homeAddress, projectAddress } from '../../route.ts'
import { openProject, reloadProject, useProject } from '../../stores/project.ts'
import { AlertIcon } from '../../ui/icons.tsx'
import { Message } from '../../ui/message.tsx'
import { count } from '../../ui/units.ts'
import { Failure } from '../failure.tsx'
import classes from './project-frame.module.css'

export const SECTION_NAMES: Record<ProjectSection, string> = {
  overview: 'Overview',
  checkpoint: 'Checkpoint',
  sensitivity: 'Sensitivity',
  sweep: 'Sweep',
  speed: 'Speed',
  chat: 'Chat',
}

type Props = {
  projectId: number
  section: ProjectSection
  /** Of a page within the section, where it has a name of its own. */
  title?: string
  /** What stands in the place of the page while the project is asked for. */
  waiting: ReactNode
  /** The main action of the page, at the end of the title line. */
  action?: (project: Project) => ReactNode
  children: (project: Project) => ReactNode
}

/** What all pages of a project have in common: which one it is, and the way to the others. */
export function ProjectFrame({ projectId, section, title: own, waiting, action, children }: Props) {
  useEffect(() => openProject(projectId), [projectId])
  const { value: project, error } = useProject()
  const title = own ?? (section === 'overview' ? undefined : SECTION_NAMES[section])
  useDocumentTitle([project && title, project?.name, 'Squeeze Studio'].filter(Boolean).join(' · '))
  return (
    <div className={classes.frame}>
      {error && <Failure error={error} retry={reloadProject} />}
      {project ? (
        <>
          <Header project={project} section={section} action={action?.(project)} />
          {!project.checkpoint.found && <Moved path={project.checkpoint.path} />}
          {children(project)}
        </>
      ) : (
        !error && (
          <div className={classes.frame} role="status" aria-label="Loading the project">
            <Skeleton height={84} width={320} radius={8} />
            {waiting}
          </div>
        )
      )}
    </div>
  )
}

function Header({ project, section, action }: { project: Project; section: ProjectSection; action: ReactNode }) {
  const { checkpoint } = project
  return (
    <header>
      <a className={classes.up} href={homeAddress}>
        Projects
      </a>
      <div className={classes.header}>
        <h1 className={classes.name}>{project.name}</h1>
        <span className={classes.kind}>
          {checkpoint.family}, {count(checkpoint.parameters)} parameters, {checkpoint.dtype}
        </span>
        <div className={classes.action}>{action}</div>
      </div>
      <nav className={classes.sections} aria-label="Pages of the project">
        {PROJECT_SECTIONS.map((name) => (
          <a
            key={name}
            href={projectAddress(project.id, name)}
            aria-current={name === section ? 'page' : undefined}
            className={classes.section}
          >
            {SECTION_NAMES[name]}
          </a>
        ))}
      </nav>
    </header>
  )
}

function Moved({ path }: { path: string }) {
  return (
    <Message title="The checkpoint is not where it was" tone="warn" icon={<AlertIcon />}>
      {path} is gone. What was learnt is kept; put the folder back to squeeze it again.
    </Message>
  )
}

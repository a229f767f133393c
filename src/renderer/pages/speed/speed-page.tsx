import { ProjectFrame } from '../../features/project/project-frame.tsx'

export function SpeedPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame projectId={projectId} section="speed" waiting={null}>
      {() => null}
    </ProjectFrame>
  )
}

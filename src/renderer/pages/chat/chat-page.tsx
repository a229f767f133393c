import { ProjectFrame } from '../../features/project/project-frame.tsx'

export function ChatPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame projectId={projectId} section="chat" waiting={null}>
      {() => null}
    </ProjectFrame>
  )
}

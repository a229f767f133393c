import { client } from '../../bridge/index.ts'
import { projectAddress } from '../../route.ts'

/** Goes to the project of a checkpoint, made where there is none. Rejects with a Refusal. */
export async function openCheckpoint(path: string): Promise<void> {
  const { projectId } = await client.call('project.open', { path })
  window.location.hash = projectAddress(projectId)
}

/** The same with the sample that comes with the studio. */
export async function openSample(): Promise<void> {
  const { projectId } = await client.call('sample.open', {})
  window.location.hash = projectAddress(projectId)
}
